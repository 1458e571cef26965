#include "server/query/list_transfers.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "server/query/query_context.h"
#include "server/query/transfer_pairs.h"

namespace fedcarbon::server {
namespace {

struct Wanted {
  std::string run;  // empty: transfers that named none
  const v1::ListTransfersRequest& request;

  bool operator()(const v1::TransferPair& pair) const {
    return pair.run() == run &&
           (!request.has_round() || (pair.has_round() && pair.round() == request.round())) &&
           (request.node().empty() || pair.client() == request.node() || pair.server() == request.node()) &&
           (request.method().empty() || pair.method() == request.method());
  }
};

}  // namespace

absl::Status ListTransfers(Store* store, const v1::ListTransfersRequest& request,
                           const std::function<bool(const v1::TransferPair&)>& visit) {
  Wanted wanted{"", request};
  uint64_t from = 1;
  uint64_t to = UINT64_MAX;
  if (request.unattributed()) {
    if (!request.run().empty() || request.has_round()) {
      return absl::InvalidArgumentError("transfers that named no run have no run or round to choose by");
    }
    ASSIGN_OR_RETURN(to, store->LastPosition());
  } else {
    ASSIGN_OR_RETURN(const RunRecord run, FindRun(store, request.run()));
    wanted.run = run.id;
    from = run.first_position;
    to = run.last_position;
  }
  TransferPairs pairs(TransferPairs::kWindow,
                      [&](const v1::TransferPair& pair) { return !wanted(pair) || visit(pair); });
  absl::Status damaged;
  bool more = true;
  const absl::Status scanned = store->Scan(from, to, [&](const StoredBatch& stored) {
    const auto batch = OpenSealedBatch(stored.sealed);
    if (!batch.ok()) {
      damaged = absl::DataLossError(
          absl::StrCat("batch at position ", stored.position, " cannot be read: ", batch.status().message()));
      return false;
    }
    more = pairs.Add(*batch);
    return more;
  });
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(damaged);
  if (more) pairs.Flush();
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
