#include "node/proxy/endpoint.h"

#include <sys/un.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace fedcarbon::node {
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
  absl::StatusOr<Address> address = ParseAddress(text);
  if (!address.ok()) return address.status();
  endpoint.address = *std::move(address);
  return endpoint;
}

}  // namespace fedcarbon::node
