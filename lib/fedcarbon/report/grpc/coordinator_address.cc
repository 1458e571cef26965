#include "fedcarbon/report/grpc/coordinator_address.h"

#include "absl/strings/str_cat.h"
#include "fedcarbon/net/address.h"

namespace fedcarbon {

absl::Status CheckCoordinatorAddress(const std::string& address, bool insecure) {
  const absl::StatusOr<Address> parsed = ParseAddress(address);
  if (!parsed.ok() || parsed->port == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("coordinator \"", address,
                     "\": use HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:7433 "
                     "(FEDCARBON_COORDINATOR)"));
  }
  if (insecure || parsed->is_loopback()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "coordinator \"", address,
      "\" is on another machine, and reports are not encrypted yet. Reach it through a tunnel to "
      "127.0.0.1 (FEDCARBON_COORDINATOR), or set FEDCARBON_INSECURE=1 on a network that you trust"));
}

}  // namespace fedcarbon
