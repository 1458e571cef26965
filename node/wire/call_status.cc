#include "node/wire/call_status.h"

#include <charconv>
#include <optional>

#include "absl/status/status.h"

namespace fedcarbon::node {
namespace {

constexpr int kUnknown = static_cast<int>(absl::StatusCode::kUnknown);

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

absl::StatusCode CodeOfHttp(int http_status) {
  switch (http_status) {
    case 400:
      return absl::StatusCode::kInternal;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kUnknown;
  }
}

}  // namespace

int StatusOfGrpc(std::string_view grpc_status) {
  const int status = Number(grpc_status).value_or(kUnknown);
  return status < 0 || status > 16 ? kUnknown : status;
}

int StatusOfHttp(std::string_view http_status, bool expects_grpc) {
  const int status = Number(http_status).value_or(0);
  if (!expects_grpc && status >= 200 && status < 400) return 0;
  return static_cast<int>(CodeOfHttp(status));
}

}  // namespace fedcarbon::node
