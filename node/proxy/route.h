// A listener's options made ready: what each of its connections looks things up in.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "node/proxy/options.h"
#include "node/proxy/tls_context.h"
#include "node/proxy/upstream_health.h"

namespace fedcarbon::node {

/// Shared by the connections that began with it; a reload makes new ones. Thread-safe.
struct Route {
  /// INVALID_ARGUMENT for certificates that cannot be used.
  static absl::StatusOr<std::shared_ptr<Route>> Create(ListenerOptions options);

  ListenerOptions options;
  HeaderNames headers;
  std::unique_ptr<TlsContext> tls;           // null: cleartext
  std::unique_ptr<TlsContext> upstream_tls;  // null: cleartext

  UpstreamHealth upstream_health;
};

}  // namespace fedcarbon::node
