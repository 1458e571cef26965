#include "server/web/site.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/metrics/metric_families.h"
#include "server/web/api.h"
#include "server/web/assets.h"
#include "server/web/metrics_text.h"
#include "server/web/target.h"

namespace fedcarbon::server {
namespace {

HttpResponse WithFields(Response response) {
  auto fields = HeaderFields(response);
  return {response.status, std::move(response.content_type), std::move(response.body), std::move(fields)};
}

}  // namespace

HttpResponse Site::Handle(const HttpRequest& request) { return WithFields(Answer(request)); }

HttpResponse Site::Refuse(int status, const std::string& why) {
  return WithFields(ErrorResponse(absl::InvalidArgumentError(why), status));
}

Response Site::Answer(const HttpRequest& request) {
  Response response = Find(request);
  if (response.status == 200 && !response.etag.empty() &&
      NoneMatchNames(request.if_none_match, response.etag)) {
    response.status = 304;
    response.content_type.clear();
    response.body.clear();
  }
  metrics_->http_requests[response.status / 100].fetch_add(1, std::memory_order_relaxed);
  return response;
}

Response Site::Find(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    Response refusal = ErrorResponse(absl::UnimplementedError("only GET and HEAD are answered here"), 405);
    refusal.allow = "GET, HEAD";
    return refusal;
  }
  const absl::StatusOr<Target> target = ParseTarget(request.target);
  if (!target.ok()) return ErrorResponse(target.status());
  const auto& path = target->path;
  if (path.size() >= 2 && path[0] == "api" && path[1] == "v1") return AnswerApi(query_, *target);
  if (path.size() == 1 && path[0] == "healthz") return Health();
  if (path.size() == 1 && path[0] == "metrics") {
    Response response;
    response.content_type = kMetricsContentType;
    response.body = MetricsText(*metrics_);
    return response;
  }
  if (path.size() == 1) {
    if (const Response* asset = FindAsset(path[0])) return *asset;
  }
  return ErrorResponse(
      absl::NotFoundError("no such path; there are /, /api/v1/runs, /api/v1/factors, /healthz and /metrics"));
}

// Well means that the store answers, not only that this process does.
Response Site::Health() {
  v1::ListRunsRequest request;
  request.set_page_size(1);
  const auto runs = query_->ListRuns(request);
  if (!runs.ok()) {
    return ErrorResponse(absl::UnavailableError(absl::StrCat("the store: ", runs.status().message())));
  }
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "ok\n";
  return response;
}

}  // namespace fedcarbon::server
