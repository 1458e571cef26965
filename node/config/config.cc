#include "node/config/config.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/files/read_file.h"
#include "fedcarbon/status/status.h"
#include "node/config/config_file.h"
#include "node/config/config_values.h"

namespace fedcarbon::node {
namespace {

// Puts what a flag says, if anything, over `value`.
template <typename T, typename Value>
absl::Status Override(const char* flag, const std::string& text,
                      absl::StatusOr<T> (*parse)(const std::string&), Value* value) {
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<T> parsed = parse(text);
  if (!parsed.ok()) return absl::InvalidArgumentError(absl::StrCat(flag, ": ", parsed.status().message()));
  *value = *std::move(parsed);
  return absl::OkStatus();
}

absl::Status OverrideNode(const Flags& flags, NodeConfig* config) {
  config->insecure |= flags.insecure;
  return FirstError(
      {Override("--node", flags.node, ParseNode, &config->node),
       Override("--coordinator", flags.coordinator, ParseReachableAddress, &config->coordinator),
       Override("--http", flags.http, ParseAddress, &config->http),
       Override("--country", flags.country, ParseCountry, &config->country),
       Override("--link", flags.link, ParseLink, &config->link),
       Override("--pue", flags.pue, ParsePue, &config->pue),
       Override("--keep", flags.keep, ParseFolder, &config->keep),
       Override("--socket", flags.socket, ParseSocket, &config->socket),
       Override("--threads", flags.threads, ParseThreads, &config->proxy.threads)});
}

absl::Status OverrideListener(const Flags& flags, std::vector<PlacedListener>* listeners) {
  const std::vector<std::pair<const char*, const std::string*>> given = {
      {"--listen", &flags.listen},
      {"--upstream", &flags.upstream},
      {"--side", &flags.side},
      {"--upstream-node", &flags.upstream_node},
      {"--upstream-address", &flags.upstream_address}};
  const auto first =
      std::find_if(given.begin(), given.end(), [](const auto& f) { return !f.second->empty(); });
  if (first == given.end()) return absl::OkStatus();
  if (listeners->size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(first->first, ": ", flags.config, " has ",
                                                   listeners->size(),
                                                   " listeners: say there what each shall do"));
  }
  if (listeners->empty()) {
    listeners->emplace_back();
    listeners->back().place = first->first;
  }
  PlacedListener* const listener = &listeners->front();
  ListenerOptions* const options = &listener->options;
  return FirstError({Override("--listen", flags.listen, ParseEndpoint, &options->listen),
                     Override("--upstream", flags.upstream, ParseReachableEndpoint, &options->upstream),
                     Override("--side", flags.side, ParseSide, &options->side),
                     Override("--upstream-node", flags.upstream_node, ParseNode, &options->upstream_node),
                     Override("--upstream-address", flags.upstream_address, ParseReachableEndpoint,
                              &options->upstream_address)});
}

absl::Status CheckListener(const PlacedListener& listener) {
  const auto error = [&listener](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(listener.place, ": ", what));
  };
  const ListenerOptions& options = listener.options;
  if (options.listen == Endpoint()) {
    return error("no place to listen at: add listen (--listen) as HOST:PORT or unix:PATH");
  }
  if (options.upstream == Endpoint()) {
    return error("no upstream: add upstream (--upstream) as HOST:PORT or unix:PATH");
  }
  if (options.upstream_address.value_or(options.upstream) == options.listen) {
    return error(absl::StrCat("it forwards to itself, ", options.listen.text(),
                              ": name another upstream, or where it really is as upstream_address"));
  }
  if (options.side == v1::END_SERVER && !options.upstream_node.empty()) {
    return error("upstream_node has no effect where side is server: leave it out");
  }
  return absl::OkStatus();
}

absl::Status CheckListeners(const std::vector<PlacedListener>& listeners) {
  if (listeners.empty()) {
    return absl::InvalidArgumentError(
        "nowhere to listen: add --listen HOST:PORT --upstream HOST:PORT, or [[listener]] to a file for "
        "--config");
  }
  for (auto listener = listeners.begin(); listener != listeners.end(); ++listener) {
    RETURN_IF_ERROR(CheckListener(*listener));
    const Endpoint& listen = listener->options.listen;
    if (!listen.is_unix() && listen.address.port == 0) continue;
    for (auto other = listeners.begin(); other != listener; ++other) {
      if (other->options.listen == listen) {
        return absl::InvalidArgumentError(absl::StrCat(listener->place, ": ", listen.text(),
                                                       " is where another listener is (", other->place,
                                                       "): choose another place"));
      }
    }
  }
  return absl::OkStatus();
}

// Until there are certificates, only the training's own listeners are reached from elsewhere.
absl::Status CheckExposure(const char* what, const Address& address, bool insecure) {
  if (insecure || address.is_loopback()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", address.text(),
                   " is not on this machine, and nothing is encrypted or authenticated there yet: use an "
                   "address on 127.0.0.1 (a tunnel's, for instance), or add --insecure on a network that "
                   "you trust"));
}

absl::Status CheckNode(const NodeConfig& config) {
  if (config.node.empty()) {
    return absl::InvalidArgumentError(
        "no node's name: add --node NAME, or node = \"NAME\" to a file for --config; a lower-case DNS name "
        "such as hospital-a.example.org");
  }
  if (!config.keep.empty() && !config.coordinator.has_value()) {
    return absl::InvalidArgumentError(
        "keep: nothing is reported that could be kept; name a coordinator, or leave keep out");
  }
  if (config.coordinator.has_value()) {
    RETURN_IF_ERROR(CheckExposure("coordinator", *config.coordinator, config.insecure));
  }
  return CheckExposure("http", config.http, config.insecure);
}

absl::StatusOr<NodeConfig> Combine(const Flags& flags, NodeConfig config,
                                   std::vector<PlacedListener> listeners) {
  RETURN_IF_ERROR(OverrideNode(flags, &config));
  RETURN_IF_ERROR(OverrideListener(flags, &listeners));
  RETURN_IF_ERROR(CheckNode(config));
  RETURN_IF_ERROR(CheckListeners(listeners));
  for (PlacedListener& listener : listeners) config.proxy.listeners.push_back(std::move(listener.options));
  return config;
}

std::string DescribeListener(const ListenerOptions& listener) {
  std::string text =
      absl::StrCat("listener ", listener.listen.text(), listener.tls ? " with TLS" : "",
                   listener.tls && !listener.tls->client_ca.empty() ? " and client certificates" : "",
                   ", to ", listener.upstream.text());
  if (listener.upstream_address) absl::StrAppend(&text, " at ", listener.upstream_address->text());
  if (listener.upstream_tls) {
    absl::StrAppend(&text, " with TLS",
                    listener.upstream_tls->certificate.empty() ? "" : " and a certificate of its own");
  }
  if (listener.side == v1::END_SERVER) {
    absl::StrAppend(&text, "; the node answers as the server");
  } else {
    absl::StrAppend(&text, "; the node calls as the client",
                    listener.upstream_node.empty() ? "" : " of node ", listener.upstream_node);
  }
  if (!listener.alpn.empty()) absl::StrAppend(&text, "; offers ", absl::StrJoin(listener.alpn, ", "));
  if (!listener.decode) absl::StrAppend(&text, "; counts connections, looks for no calls");
  return text + "\n";
}

}  // namespace

absl::StatusOr<NodeConfig> ParseConfig(const std::string& text, const std::string& name, const Flags& flags) {
  if (text.size() > kMaxConfigText) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":1:1: more than ", kMaxConfigText, " bytes, which are not read: shorten it"));
  }
  NodeConfig config;
  std::vector<PlacedListener> listeners;
  RETURN_IF_ERROR(ReadConfigFile(text, name, &config, &listeners));
  return Combine(flags, std::move(config), std::move(listeners));
}

absl::StatusOr<NodeConfig> LoadConfig(const Flags& flags) {
  if (flags.config.empty()) return Combine(flags, NodeConfig(), {});
  const absl::StatusOr<std::string> path = ParseFile(flags.config);
  if (!path.ok()) return absl::InvalidArgumentError(absl::StrCat("--config: ", path.status().message()));
  // One byte more than allowed: ParseConfig says of what is too long where that stands.
  const absl::StatusOr<std::string> text = ReadFile(*path, kMaxConfigText + 1);
  if (!text.ok()) return absl::InvalidArgumentError(absl::StrCat("--config: ", text.status().message()));
  return ParseConfig(*text, *path, flags);
}

std::string DescribeConfig(const NodeConfig& config) {
  std::string text = absl::StrCat(
      "node ", config.node, ", ",
      config.coordinator ? "reports to " + config.coordinator->text() : "reports to nobody: no coordinator",
      "; health and metrics at ", config.http.text(), "\n");
  if (!config.socket.empty()) absl::StrAppend(&text, "listens to scripts at unix:", config.socket, "\n");
  for (const ListenerOptions& listener : config.proxy.listeners) text += DescribeListener(listener);
  return text;
}

}  // namespace fedcarbon::node
