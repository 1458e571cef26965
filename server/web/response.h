// What the HTTP server answers, before it is bytes on a socket.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace fedcarbon::server {

struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::string etag;   // strong, quoted; empty: never stored by a cache
  std::string allow;  // of a 405
};

/// All header fields of an answer but its length: what it is, how long it keeps, and what a browser may do
/// with it, which is nothing beyond showing our own page with our own script, style, images and data.
std::vector<std::pair<std::string, std::string>> HeaderFields(const Response& response);

/// The message in protobuf's JSON mapping, fields at their default included, with an ETag of the content.
Response JsonResponse(const google::protobuf::Message& message);

/// google.rpc.Status as JSON, under the HTTP status that google.rpc.Code assigns to its code.
Response ErrorResponse(const absl::Status& status);

/// The same under another HTTP status.
Response ErrorResponse(const absl::Status& status, int http_status);

/// A strong ETag of the content: the same at every coordinator, another after every change.
std::string ContentETag(const std::string& content);

/// Whether an If-None-Match field names `etag` (RFC 9110, 13.1.2: by weak comparison).
bool NoneMatchNames(const std::string& if_none_match, const std::string& etag);

}  // namespace fedcarbon::server
