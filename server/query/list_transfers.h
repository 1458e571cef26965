// The communication audit: every transfer with both its ends' entries, read from the batches.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "fedcarbon/v1/footprint.pb.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// As FootprintQuery::ListTransfers says. DATA_LOSS for a stored batch that cannot be read.
absl::Status ListTransfers(Store* store, const v1::ListTransfersRequest& request,
                           const std::function<bool(const v1::TransferPair&)>& visit);

}  // namespace fedcarbon::server
