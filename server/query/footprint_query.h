// Answers what was measured and what it cost: totals of the store, counted once, priced by
// lib/fedcarbon/carbon. The gRPC service, the JSON API and the page all ask here.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/v1/footprint.pb.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// Thread-safe. Holds a cache of counted rounds, checked against the store's versions at each query:
/// several coordinators may share one store. Errors: NOT_FOUND (names what is there instead),
/// INVALID_ARGUMENT (the request, or a factors file with line and column), and the store's.
class FootprintQuery {
 public:
  /// `store` and `clock` must outlive this. `default_factors_toml`: text of the coordinator's own factors
  /// file, or empty.
  static absl::StatusOr<std::unique_ptr<FootprintQuery>> Create(Store* store, const Clock* clock,
                                                                const std::string& default_factors_toml,
                                                                const std::string& default_factors_name);
  ~FootprintQuery();

  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request);
  absl::StatusOr<v1::RunFootprint> GetRun(const v1::GetRunRequest& request);
  absl::StatusOr<v1::ListRoundsResponse> ListRounds(const v1::ListRoundsRequest& request);
  absl::StatusOr<v1::RoundFootprint> GetRound(const v1::GetRoundRequest& request);
  absl::StatusOr<v1::NodeRounds> GetNode(const v1::GetNodeRequest& request);
  absl::StatusOr<v1::ListFactorsResponse> ListFactors(const v1::ListFactorsRequest& request);

  /// Calls `visit` for each transfer, in the order of their start as far as the batches' order allows, until
  /// it returns false.
  absl::Status ListTransfers(const v1::ListTransfersRequest& request,
                             const std::function<bool(const v1::TransferPair&)>& visit);

 private:
  class Impl;
  explicit FootprintQuery(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fedcarbon::server
