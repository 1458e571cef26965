// What a batch changes in the totals.
#pragma once

#include "absl/status/statusor.h"
#include "fedcarbon/report/batch_reader.h"
#include "server/store/store.h"
#include "server/store/totals.h"

namespace fedcarbon::server {

/// A pure function. Each transfer gives two directions: what was sent, from this node to its peer, as the
/// sender reported it; and what was received, the other way, as the receiver did. Its hour is that of its
/// start, and its waste (the same of both) what its observer named, else FAILED or RETRY as its status and
/// attempt show. A direction that carried nothing of a message has 0 B at each layer that its observer sees.
/// A connection gives two directions likewise, and a proxy's transfers add to them what they know of encoded
/// bytes. A round without a run is no round. INVALID_ARGUMENT, naming the place, for a round or sequence
/// above kMaxStored.
absl::StatusOr<TotalsDelta> ExtractTotals(const OpenedBatch& batch);

/// Opens a stored batch and extracts its totals: the ExtractFunction of Store::Rebuild.
absl::StatusOr<TotalsDelta> ExtractStoredTotals(const StoredBatch& batch);

}  // namespace fedcarbon::server
