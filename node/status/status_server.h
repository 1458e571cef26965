// The node's own health and metrics over HTTP/1.1, apart from the training's ports.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/net/address.h"
#include "node/proxy/metrics.h"

namespace fedcarbon::node {

/// What those who ask may take.
struct StatusLimits {
  size_t request_bytes = 8'192;              // request line and header fields; a body is not read
  size_t connections = 16;                   // at once; what comes past it waits in the kernel
  absl::Duration total = absl::Seconds(10);  // for a connection, from accept to close
};

/// Answers GET and HEAD of
///   /healthz  200 "ok" while it is serving, else 503: what a load balancer or an orchestrator asks
///   /metrics  for Prometheus
/// one request per connection, on one thread of its own from Start until it is destroyed. Thread-safe.
class StatusServer {
 public:
  /// Not serving yet. `metrics` must outlive this. UNAVAILABLE, with the address, if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<StatusServer>> Start(const Address& address,
                                                             const ProxyMetrics* metrics,
                                                             const StatusLimits& limits = {});

  /// Cuts what is under way.
  ~StatusServer();

  void set_serving(bool serving);

  /// With the port that the system chose.
  const Address& listening() const;

 private:
  class Impl;
  explicit StatusServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fedcarbon::node
