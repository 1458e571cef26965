// The node's own health and metrics over HTTP/1.1, apart from the training's ports.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/http/http_server.h"
#include "fedcarbon/net/address.h"
#include "node/proxy/metrics.h"

namespace fedcarbon::node {

/// What those who ask may take.
struct StatusLimits {
  size_t request_bytes = 8'192;              // request line and header fields; a body is not read
  size_t connections = 16;                   // at once; what comes past it waits in the kernel
  absl::Duration total = absl::Seconds(10);  // for a connection, from the thread that takes it to its close
};

/// Answers GET and HEAD of
///   /healthz  200 "ok" while it is serving, else 503: what a load balancer or an orchestrator asks
///   /metrics  for Prometheus
/// one request per connection, on threads of its own from Start until it is destroyed. Thread-safe.
class StatusServer : private HttpHandler {
 public:
  /// Not serving yet. `metrics` must outlive this. UNAVAILABLE, with the address, if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<StatusServer>> Start(const Address& address,
                                                             const ProxyMetrics* metrics,
                                                             const StatusLimits& limits = {});

  void set_serving(bool serving) { serving_ = serving; }

  /// With the port that the system chose.
  const Address& listening() const { return server_->listening(); }

 private:
  explicit StatusServer(const ProxyMetrics* metrics) : metrics_(metrics) {}
  HttpResponse Handle(const HttpRequest& request) override;
  HttpResponse Refuse(int status, const std::string& why) override;

  const ProxyMetrics* const metrics_;
  std::atomic<bool> serving_{false};
  std::unique_ptr<HttpServer> server_;  // ends first: it calls this
};

}  // namespace fedcarbon::node
