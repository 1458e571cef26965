// Where a coordinator is, and whether one may report there.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace fedcarbon {

/// OK for HOST:PORT on loopback (localhost, 127.0.0.0/8, [::1]), and with `insecure` for any HOST:PORT: until
/// there are certificates nothing of ours leaves the machine unasked. INVALID_ARGUMENT says what to do
/// instead. Pure: thread-safe, and looks no name up.
absl::Status CheckCoordinatorAddress(const std::string& address, bool insecure);

}  // namespace fedcarbon
