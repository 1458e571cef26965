#include <sys/resource.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/names.h"
#include "node/proxy/proxy.h"
#include "node/proxy/route.h"

namespace fedcarbon::node {
namespace {

absl::Status CheckListener(const ListenerOptions& options) {
  const std::string name = absl::StrCat("listener ", options.listen.text(), ": ");
  const auto error = [&name](auto&&... what) {
    return absl::InvalidArgumentError(absl::StrCat(name, what...));
  };
  const Endpoint& dialled = options.upstream_address.value_or(options.upstream);
  if (!dialled.is_unix() && dialled.address.port == 0) {
    return error("upstream ", dialled.text(), " has port 0; name the port that it listens on");
  }
  if (!options.upstream_node.empty() && !IsNodeName(options.upstream_node)) {
    return error("upstream_node '", options.upstream_node,
                 "' is no lower-case DNS name of at most 253 characters");
  }
  if (options.side == v1::END_SERVER && !options.upstream_node.empty()) {
    return error("upstream_node is for side \"client\"; a server learns its peers from the clients");
  }
  if (options.upstream_tls.has_value()) {
    const TlsClientOptions& tls = *options.upstream_tls;
    if (tls.certificate.empty() != tls.key.empty())
      return error("upstream_tls: certificate and key go together");
    if (options.upstream.is_unix() && tls.server_name.empty()) {
      return error("upstream_tls: a Unix socket has no name to check; set server_name");
    }
  }
  for (const std::string& protocol : options.alpn) {
    if (protocol.empty() || protocol.size() > kMaxAlpnName) {
      return error("alpn: a protocol's name has 1 to ", kMaxAlpnName, " bytes");
    }
  }
  if (options.wire.streams < 1 || options.wire.header_block < Bytes(1)) {
    return error("limits: streams and header_block are at least 1");
  }
  const absl::StatusOr<std::shared_ptr<Route>> route = Route::Create(options);
  return route.ok() ? absl::OkStatus() : error(std::string(route.status().message()));
}

}  // namespace

absl::Status CheckProxyOptions(const ProxyOptions& options) {
  if (options.listeners.empty()) return absl::InvalidArgumentError("no listener: name at least one");
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return absl::InvalidArgumentError(absl::StrCat("threads ", options.threads, ": use 1 to ", kMaxThreads));
  }
  if (options.connections < 1 || options.connections > kMaxConnections) {
    return absl::InvalidArgumentError(
        absl::StrCat("connections ", options.connections, ": use 1 to ", kMaxConnections));
  }
  if (options.buffer < kMinBuffer) {
    return absl::InvalidArgumentError(
        absl::StrCat("buffer ", options.buffer.count(), ": use at least ", kMinBuffer.count(), " bytes"));
  }
  for (const auto& [name, duration] : {std::pair("connect_timeout", options.connect_timeout),
                                       std::pair("handshake_timeout", options.handshake_timeout)}) {
    if (duration < kMinTimeout) {
      return absl::InvalidArgumentError(absl::StrCat(name, " ", absl::FormatDuration(duration),
                                                     ": use at least ", absl::FormatDuration(kMinTimeout)));
    }
  }
  std::set<std::string> places;
  for (const ListenerOptions& listener : options.listeners) {
    const bool is_chosen_later = !listener.listen.is_unix() && listener.listen.address.port == 0;
    if (!is_chosen_later && !places.insert(listener.listen.text()).second) {
      return absl::InvalidArgumentError(absl::StrCat("two listeners at ", listener.listen.text()));
    }
    RETURN_IF_ERROR(CheckListener(listener));
  }
  return absl::OkStatus();
}

}  // namespace fedcarbon::node
