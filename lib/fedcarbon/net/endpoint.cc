#include "fedcarbon/net/endpoint.h"

#include <sys/un.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon {
namespace {

constexpr char kUnixPrefix[] = "unix:";
static_assert(kMaxUnixPath == sizeof(sockaddr_un::sun_path) - 1);

}  // namespace

std::string Endpoint::text() const { return is_unix() ? kUnixPrefix + unix_path : address.text(); }

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text) {
  Endpoint endpoint;
  if (absl::StartsWith(text, kUnixPrefix)) {
    endpoint.unix_path = text.substr(sizeof(kUnixPrefix) - 1);
    if (endpoint.unix_path.empty() || endpoint.unix_path.size() > kMaxUnixPath) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", text, "' is no Unix socket: write unix:PATH with a path of 1 to ", kMaxUnixPath, " bytes"));
    }
    return endpoint;
  }
  ASSIGN_OR_RETURN(endpoint.address, ParseAddress(text));
  return endpoint;
}

}  // namespace fedcarbon
