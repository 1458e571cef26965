// What the proxy is told: listeners, their upstreams, TLS and limits. node/config reads it from flags and
// TOML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "fedcarbon/net/endpoint.h"
#include "fedcarbon/units/units.h"
#include "fedcarbon/v1/facts.pb.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Bounds of the options below.
inline constexpr int kMaxThreads = 64;
inline constexpr size_t kMaxConnections = 1'000'000;
inline constexpr Bytes kMinBuffer = Bytes(64 << 10);
inline constexpr absl::Duration kMinTimeout = absl::Seconds(1);
inline constexpr size_t kMaxAlpnName = 255;  // bytes: RFC 7301

/// TLS towards the clients. PEM files, read again when they change.
struct TlsServerOptions {
  std::string certificate;  // chain, the proxy's own first
  std::string key;
  std::string client_ca;  // clients must show a certificate of this authority; empty: none is asked for
};

/// TLS towards the upstream. PEM files, read again when they change.
struct TlsClientOptions {
  std::string ca;           // whom to trust; empty: the system's authorities
  std::string certificate;  // this node's own, for upstreams that ask for one; empty: none
  std::string key;
  std::string server_name;  // SNI, and the name that the certificate must have; empty: the upstream's host
};

struct ListenerOptions {
  Endpoint listen;    // port 0: the system chooses
  Endpoint upstream;  // where the bytes go, and the name that TLS checks

  /// Dialled instead of `upstream`'s host and port: for where a hosts file points that name at this proxy.
  std::optional<Endpoint> upstream_address;

  /// The end at which the node stands: a client's proxy counts the upstream leg, a server's the downstream
  /// leg.
  v1::End side = v1::END_CLIENT;

  /// The node behind the upstream, for side CLIENT; empty: learned from its answers, else unknown.
  std::string upstream_node;

  std::optional<TlsServerOptions> tls;
  std::optional<TlsClientOptions> upstream_tls;

  /// Protocols to offer the upstream, and to choose from for the client, instead of what the client offers or
  /// speaks.
  std::vector<std::string> alpn;

  /// Request headers that name run and round; empty: none. Lower case.
  std::string run_header;
  std::string round_header;

  bool decode = true;  // false: connections are counted, calls are not looked for
  WireLimits wire;
};

struct ProxyOptions {
  std::vector<ListenerOptions> listeners;

  /// Each connection belongs to one thread. 1 to kMaxThreads.
  int threads = 1;

  /// All listeners together; what comes past it waits in the kernel until one ends. 1 to kMaxConnections.
  size_t connections = 20'000;

  /// Bytes that were read and could not be written yet, of one thread's connections together. Above it each
  /// connection still holds at most 16 KiB per direction. At least kMinBuffer.
  Bytes buffer = Bytes(4 << 20);

  /// For each of the upstream's addresses to accept a connection, and for a TLS handshake of either leg. At
  /// least kMinTimeout.
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration handshake_timeout = absl::Seconds(10);

  /// How long Proxy::Drain() waits for connections to end by themselves.
  absl::Duration drain = absl::Seconds(30);
};

}  // namespace fedcarbon::node
