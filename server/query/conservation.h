// The promise that nothing is dropped and nothing doubled, as a check.
#pragma once

#include "absl/status/status.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// Checks a whole store: what each observer of an edge recorded in its batches is what its totals hold in
/// rounds and unattributed together, and of its connections what its totals hold; and of each run's edges,
/// rounds and unattributed together are the greatest that an observer recorded, or the rounds alone where
/// both ends name different ones. DATA_LOSS says where it does not hold. Reads every batch: for tests and for
/// an operator in doubt.
absl::Status CheckConservation(Store* store);

}  // namespace fedcarbon::server
