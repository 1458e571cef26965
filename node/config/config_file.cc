#include "node/config/config_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/toml/toml_reader.h"
#include "node/config/config_values.h"

namespace fedcarbon::node {
namespace {

constexpr int64_t kMaxBuffer = int64_t{64} << 30;
constexpr absl::Duration kMaxTimeout = absl::Hours(1);
constexpr absl::Duration kMaxDrain = absl::Hours(24);
constexpr int64_t kMaxStreams = 1'000'000;
constexpr int64_t kMinHeaderBlock = 1 << 10;
constexpr int64_t kMinHeaderTable = 4'096;  // what HTTP/2 peers use unless they agree on another
constexpr int64_t kMaxHeaderBytes = 1 << 30;

// Reads one file into a configuration and its listeners.
class ConfigFile {
 public:
  ConfigFile(const std::string& name, NodeConfig* config, std::vector<PlacedListener>* listeners)
      : toml_(name, "node/README.md"), config_(config), listeners_(listeners) {}

  absl::Status Read(const std::string& text) {
    ProxyOptions* const proxy = &config_->proxy;
    return toml_.Read(
        text, {
                  {"node", toml_.Text(ParseNode, &config_->node)},
                  {"coordinator", toml_.Text(ParseReachableAddress, &config_->coordinator)},
                  {"http", toml_.Text(ParseAddress, &config_->http)},
                  {"country", toml_.Text(ParseCountry, &config_->country)},
                  {"link", toml_.Text(ParseLink, &config_->link)},
                  {"pue", toml_.Number(kMinPue, kMaxPue, &config_->pue)},
                  {"keep", toml_.Text(ParseFolder, &config_->keep)},
                  {"insecure", toml_.Flag(&config_->insecure)},
                  {"threads", toml_.Whole(1, kMaxThreads, &proxy->threads)},
                  {"connections", toml_.Whole(1, kMaxConnections, &proxy->connections)},
                  {"buffer", toml_.Whole(kMinBuffer.count(), kMaxBuffer, &proxy->buffer)},
                  {"connect_timeout", toml_.Duration(kMinTimeout, kMaxTimeout, &proxy->connect_timeout)},
                  {"handshake_timeout", toml_.Duration(kMinTimeout, kMaxTimeout, &proxy->handshake_timeout)},
                  {"drain", toml_.Duration(absl::ZeroDuration(), kMaxDrain, &proxy->drain)},
                  {"local",
                   [this](const std::string& key, const toml::node& node) { return ReadLocal(key, node); }},
                  {"listener", [this](const std::string& key,
                                      const toml::node& node) { return ReadListeners(key, node); }},
              });
  }

 private:
  absl::Status ReadLocal(const std::string& key, const toml::node& node) {
    RETURN_IF_ERROR(toml_.ReadTable(key, node, {{"socket", toml_.Text(ParseSocket, &config_->socket)}}));
    if (!config_->socket.empty()) return absl::OkStatus();
    return toml_.Error(node, key, "socket is wanted: add it, or leave the table out");
  }

  absl::Status ReadListeners(const std::string& key, const toml::node& node) {
    const toml::array* const array = node.as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
      return toml_.Error(node, key, "write [[listener]], with two brackets, before each");
    }
    if (array->size() > kMaxListeners) {
      return toml_.Error((*array)[kMaxListeners], key,
                         absl::StrCat("at most ", kMaxListeners, " are allowed"));
    }
    for (const toml::node& listener : *array) RETURN_IF_ERROR(ReadListener(key, listener));
    return absl::OkStatus();
  }

  absl::Status ReadListener(const std::string& key, const toml::node& node) {
    PlacedListener listener;
    listener.place = absl::StrCat(toml_.Place(node.source()), ": ", key);
    ListenerOptions* const options = &listener.options;
    const absl::Status read = toml_.ReadTable(
        key, node,
        {
            {"listen", toml_.Text(ParseEndpoint, &options->listen)},
            {"upstream", toml_.Text(ParseReachableEndpoint, &options->upstream)},
            {"upstream_address", toml_.Text(ParseReachableEndpoint, &options->upstream_address)},
            {"side", toml_.Text(ParseSide, &options->side)},
            {"upstream_node", toml_.Text(ParseNode, &options->upstream_node)},
            {"alpn", [&](const std::string& k, const toml::node& n) { return ReadAlpn(k, n, options); }},
            {"run_header", toml_.Text(ParseHeaderName, &options->run_header)},
            {"round_header", toml_.Text(ParseHeaderName, &options->round_header)},
            {"decode", toml_.Flag(&options->decode)},
            {"tls", [&](const std::string& k, const toml::node& n) { return ReadTls(k, n, options); }},
            {"upstream_tls",
             [&](const std::string& k, const toml::node& n) { return ReadUpstreamTls(k, n, options); }},
            {"limits", [&](const std::string& k, const toml::node& n) { return ReadLimits(k, n, options); }},
        });
    listeners_->push_back(std::move(listener));
    return read;
  }

  absl::Status ReadAlpn(const std::string& key, const toml::node& node, ListenerOptions* options) {
    const toml::array* const array = node.as_array();
    if (array == nullptr || array->empty() || array->size() > kMaxAlpnNames) {
      return toml_.Error(node, key,
                         absl::StrCat("a list of 1 to ", kMaxAlpnNames,
                                      " names is wanted here, such as [\"h2\"], or leave it out"));
    }
    for (const toml::node& element : *array) {
      std::string name;
      RETURN_IF_ERROR(toml_.Text(ParseAlpnName, &name)(key, element));
      options->alpn.push_back(std::move(name));
    }
    return absl::OkStatus();
  }

  absl::Status ReadTls(const std::string& key, const toml::node& node, ListenerOptions* options) {
    TlsServerOptions& tls = options->tls.emplace();
    RETURN_IF_ERROR(toml_.ReadTable(key, node,
                                    {{"certificate", toml_.Text(ParseFile, &tls.certificate)},
                                     {"key", toml_.Text(ParseFile, &tls.key)},
                                     {"client_ca", toml_.Text(ParseFile, &tls.client_ca)}}));
    if (!tls.certificate.empty() && !tls.key.empty()) return absl::OkStatus();
    return toml_.Error(node, key, "certificate and key are wanted: add what is missing");
  }

  absl::Status ReadUpstreamTls(const std::string& key, const toml::node& node, ListenerOptions* options) {
    TlsClientOptions& tls = options->upstream_tls.emplace();
    RETURN_IF_ERROR(toml_.ReadTable(key, node,
                                    {{"ca", toml_.Text(ParseFile, &tls.ca)},
                                     {"certificate", toml_.Text(ParseFile, &tls.certificate)},
                                     {"key", toml_.Text(ParseFile, &tls.key)},
                                     {"server_name", toml_.Text(ParseServerName, &tls.server_name)}}));
    if (tls.certificate.empty() == tls.key.empty()) return absl::OkStatus();
    return toml_.Error(node, key, "certificate and key stand together or not at all: state both or neither");
  }

  absl::Status ReadLimits(const std::string& key, const toml::node& node, ListenerOptions* options) {
    WireLimits* const wire = &options->wire;
    return toml_.ReadTable(
        key, node,
        {{"streams", toml_.Whole(1, kMaxStreams, &wire->streams)},
         {"header_block", toml_.Whole(kMinHeaderBlock, kMaxHeaderBytes, &wire->header_block)},
         {"header_table", toml_.Whole(kMinHeaderTable, kMaxHeaderBytes, &wire->header_table)}});
  }

  const TomlReader toml_;
  NodeConfig* const config_;
  std::vector<PlacedListener>* const listeners_;
};

}  // namespace

absl::Status ReadConfigFile(const std::string& text, const std::string& name, NodeConfig* config,
                            std::vector<PlacedListener>* listeners) {
  return ConfigFile(name, config, listeners).Read(text);
}

}  // namespace fedcarbon::node
