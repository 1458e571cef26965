// Deadlines of calls, for gRPC. By the monotonic clock: one of the wall clock moves when that is set.
#pragma once

#include <grpc/support/time.h>

#include "absl/time/time.h"

namespace fedcarbon {

/// `patience` from now, for whatever of gRPC takes a time point. It may be infinite.
inline gpr_timespec DeadlineAfter(absl::Duration patience) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(absl::ToInt64Microseconds(patience), GPR_TIMESPAN));
}

}  // namespace fedcarbon
