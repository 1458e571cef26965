// What is done to a data folder beside serving it.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace fedcarbon::server {

/// Recreates the totals from the batches. Prints "equal", or a line for each difference; then that rounds and
/// unattributed hold everything that was recorded (CheckConservation). DATA_LOSS if there was a difference:
/// the totals are right now; and DATA_LOSS that says where they do not hold it. No coordinator may have the
/// folder.
absl::Status Rebuild(const std::string& data);

/// Copies the database, also while a coordinator runs, into the new file `destination` (0600).
absl::Status BackUp(const std::string& data, const std::string& destination);

struct ExportOptions {
  std::string node;                        // empty: all
  absl::Time from = absl::InfinitePast();  // when the batch arrived
  absl::Time to = absl::InfiniteFuture();  // not included
  std::string folder;                      // created if missing (0700)
};

/// Writes sealed batches as files NODE-EPOCH-SEQUENCE.batch (0600), the bytes as they came, and prints how
/// many. Overwrites nothing.
absl::Status Export(const std::string& data, const ExportOptions& options);

}  // namespace fedcarbon::server
