#include "server/web/response.h"

#include <openssl/sha.h>

#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fedcarbon/text/utf8.h"
#include "google/protobuf/util/json_util.h"

namespace fedcarbon::server {
namespace {

constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// As google/rpc/code.proto maps them.
int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

// In quotation marks; what is not UTF-8 becomes U+FFFD.
std::string JsonString(std::string_view text) {
  constexpr std::string_view kShortened = "\"\\\b\f\n\r\t";
  std::string json = "\"";
  for (CodePoint point; !text.empty(); text.remove_prefix(point.size)) {
    point = DecodeUtf8(text);
    if (!point.is_valid) {
      json += "\uFFFD";
    } else if (const size_t at = kShortened.find(text[0]); at != kShortened.npos) {
      absl::StrAppend(&json, "\\", std::string(1, "\"\\bfnrt"[at]));
    } else if (point.value < 0x20) {
      absl::StrAppendFormat(&json, "\\u%04x", static_cast<uint32_t>(point.value));
    } else {
      json += text.substr(0, point.size);
    }
  }
  return json + "\"";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> HeaderFields(const Response& response) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"Content-Security-Policy", std::string(kContentSecurityPolicy)},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cache-Control", response.etag.empty() ? "no-store" : "private, no-cache"},
  };
  if (!response.etag.empty()) fields.emplace_back("ETag", response.etag);
  if (!response.allow.empty()) fields.emplace_back("Allow", response.allow);
  return fields;
}

Response JsonResponse(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  Response response;
  response.content_type = "application/json";
  const auto status = google::protobuf::util::MessageToJsonString(message, &response.body, options);
  if (!status.ok()) return ErrorResponse(absl::InternalError(status.ToString()));
  response.etag = ContentETag(response.body);
  return response;
}

Response ErrorResponse(const absl::Status& status) {
  return ErrorResponse(status, HttpStatus(status.code()));
}

Response ErrorResponse(const absl::Status& status, int http_status) {
  Response response;
  response.status = http_status;
  response.content_type = "application/json";
  response.body = absl::StrCat("{\"code\":", static_cast<int>(status.code()), ",\"details\":[],\"message\":",
                               JsonString({status.message().data(), status.message().size()}), "}");
  return response;
}

std::string ContentETag(const std::string& content) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest);
  return absl::StrCat(
      "\"", absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), 16)), "\"");
}

bool NoneMatchNames(const std::string& if_none_match, const std::string& etag) {
  for (absl::string_view candidate : absl::StrSplit(if_none_match, ',')) {
    candidate = absl::StripAsciiWhitespace(candidate);
    if (candidate == "*") return true;
    absl::ConsumePrefix(&candidate, "W/");
    if (candidate == etag) return true;
  }
  return false;
}

}  // namespace fedcarbon::server
