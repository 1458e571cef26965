// All that the coordinator serves over HTTP, without a socket: page, JSON, health and metrics.
#pragma once

#include <string>

#include "server/metrics.h"
#include "server/query/footprint_query.h"
#include "server/web/response.h"

namespace fedcarbon::server {

struct Request {
  std::string method;
  std::string target;         // as it came: path and query, encoded
  std::string if_none_match;  // empty: none
};

/// Thread-safe as far as `query` is; `query` and `metrics` must outlive this.
class Site {
 public:
  Site(FootprintQuery* query, Metrics* metrics) : query_(query), metrics_(metrics) {}

  /// GET and HEAD are answered alike: whoever writes the answer leaves out the body of a HEAD. Never fails:
  /// an error is an answer. Counts the request.
  Response Answer(const Request& request);

 private:
  Response Find(const Request& request);
  Response Health();

  FootprintQuery* const query_;
  Metrics* const metrics_;
};

}  // namespace fedcarbon::server
