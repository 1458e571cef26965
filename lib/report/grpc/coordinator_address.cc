#include "fedcarbon/report/grpc/coordinator_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace fedcarbon {
namespace {

bool IsPort(const std::string& text) {
  uint32_t port = 0;
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &port) && port >= 1 && port <= 65'535;
}

bool IsLoopback(const std::string& host) {
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return host == "localhost" || host == "[::1]";
}

}  // namespace

absl::Status CheckCoordinatorAddress(const std::string& address, bool insecure) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  const bool has_bare_colon = absl::StrContains(host, ":") && !absl::StartsWith(host, "[");
  if (colon == std::string::npos || host.empty() || has_bare_colon || !IsPort(address.substr(colon + 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("coordinator \"", address,
                     "\": use HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:7433 "
                     "(FEDCARBON_COORDINATOR)"));
  }
  if (insecure || IsLoopback(host)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "coordinator \"", address,
      "\" is on another machine, and reports are not encrypted yet. Reach it through a tunnel to "
      "127.0.0.1 (FEDCARBON_COORDINATOR), or set FEDCARBON_INSECURE=1 on a network that you trust"));
}

}  // namespace fedcarbon
