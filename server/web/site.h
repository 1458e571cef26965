// All that the coordinator serves over HTTP, without a socket: page, JSON, health and metrics.
#pragma once

#include <string>

#include "fedcarbon/http/http_server.h"
#include "server/metrics/metrics.h"
#include "server/query/footprint_query.h"
#include "server/web/response.h"

namespace fedcarbon::server {

/// Thread-safe as far as `query` is; `query` and `metrics` must outlive this.
class Site : public HttpHandler {
 public:
  Site(FootprintQuery* query, Metrics* metrics) : query_(query), metrics_(metrics) {}

  /// Never fails: an error is an answer. Counts the request.
  Response Answer(const HttpRequest& request);

  HttpResponse Handle(const HttpRequest& request) override;
  HttpResponse Refuse(int status, const std::string& why) override;

 private:
  Response Find(const HttpRequest& request);
  Response Health();

  FootprintQuery* const query_;
  Metrics* const metrics_;
};

}  // namespace fedcarbon::server
