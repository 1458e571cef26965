#include "node/status/status_server.h"

#include <utility>

#include "fedcarbon/metrics/metric_families.h"
#include "fedcarbon/status/status.h"
#include "node/status/metrics_text.h"

namespace fedcarbon::node {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";

HttpResponse Answer(int status, const char* content_type, std::string body) {
  return {status,
          content_type,
          std::move(body),
          {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<StatusServer>> StatusServer::Start(const Address& address,
                                                                  const ProxyMetrics* metrics,
                                                                  const StatusLimits& limits) {
  auto status = std::unique_ptr<StatusServer>(new StatusServer(metrics));
  const HttpLimits http = {limits.request_bytes, limits.connections, limits.total, limits.total};
  ASSIGN_OR_RETURN(status->server_, HttpServer::Start(address, http, status.get()));
  return status;
}

HttpResponse StatusServer::Handle(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse refusal = Answer(405, kPlainText, "only GET and HEAD\n");
    refusal.fields.emplace_back("Allow", "GET, HEAD");
    return refusal;
  }
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == "/metrics") return Answer(200, kMetricsContentType, MetricsText(*metrics_));
  if (path == "/healthz" && serving_) return Answer(200, kPlainText, "ok\n");
  if (path == "/healthz") return Answer(503, kPlainText, "not serving\n");
  return Answer(404, kPlainText, "there are /healthz and /metrics\n");
}

HttpResponse StatusServer::Refuse(int status, const std::string& why) {
  return Answer(status, kPlainText, why + "\n");
}

}  // namespace fedcarbon::node
