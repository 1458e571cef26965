// The JSON API below /api/v1: reads a request target, asks FootprintQuery, answers in protobuf's JSON
// mapping. The API on one page: server/web/README.md.
#pragma once

#include "server/query/footprint_query.h"
#include "server/web/response.h"
#include "server/web/target.h"

namespace fedcarbon::server {

/// The most that one page of an answer holds, and what one holds when nothing is asked.
inline constexpr uint64_t kMaxPageSize = 1000;

/// `target.path` begins with "api", "v1". Thread-safe as far as `query` is.
Response AnswerApi(FootprintQuery* query, const Target& target);

}  // namespace fedcarbon::server
