// What every query of a run begins with: the run counted, its nodes and gaps, and a method to price by.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "fedcarbon/carbon/factors.h"
#include "fedcarbon/carbon/pricing.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/v1/footprint.pb.h"
#include "server/query/run_cache.h"
#include "server/query/run_pricer.h"

namespace fedcarbon::server {

/// A run without a fact for this long, and without an end, is silent.
inline constexpr absl::Duration kSilentAfter = absl::Minutes(15);

/// Offsets of a node's clock beyond this are warned of.
inline constexpr absl::Duration kMaxClockOffset = absl::Minutes(1);

/// The run that `text` names (its id, a unique prefix of it, its name; empty: the latest). NOT_FOUND names
/// runs there are; INVALID_ARGUMENT those that an ambiguous text may mean.
absl::StatusOr<RunRecord> FindRun(Store* store, const std::string& text);

v1::Run DescribeRun(const RunRecord& record, absl::Time now);

/// One run, priced by one method. Not thread-safe; lives for one query.
class QueryContext {
 public:
  /// Reads what is to be known of the run. Errors: the store's; INVALID_ARGUMENT for the method.
  static absl::StatusOr<std::unique_ptr<QueryContext>> Create(Store* store, RunCache* runs,
                                                              const RunRecord& record,
                                                              std::shared_ptr<const FactorSet> factors,
                                                              const v1::Method& method);

  const CountedRun& run() const { return *run_; }
  const NodeRecords& nodes() const { return nodes_; }
  Pricing& pricing() { return pricing_; }
  RunPricer& pricer() { return pricer_; }

  /// By number of the node: facts of it were lost while the run went on, or until its last batch was here.
  const std::vector<bool>& gaps_of_nodes() const { return gaps_of_nodes_; }
  bool HasGaps() const { return !gaps_.empty(); }
  /// Facts of `node` were lost while the round went on, or may have been where its times are unknown.
  bool HasGap(uint32_t node, const RoundRecord& round) const;
  bool HasGap(const RoundRecord& round) const;

  /// Of one node (empty: of all).
  std::vector<v1::GapEntry> Gaps(const std::string& node) const;

  v1::RoundSummary Summarize(const RoundRecord& round, v1::Footprint footprint) const;

  /// What people have to know of the factors, the nodes and the edges, as far as priced until now.
  std::vector<std::string> Warnings() const;
  std::vector<v1::Factor> Factors() const;

 private:
  QueryContext(std::shared_ptr<const CountedRun> run, NodeRecords nodes, Pricing pricing);

  absl::Status ReadGaps(Store* store);

  const std::shared_ptr<const CountedRun> run_;
  const NodeRecords nodes_;
  Pricing pricing_;
  RunPricer pricer_;
  std::vector<NodeGap> gaps_;  // of the run's nodes while it may have gone on
  std::vector<bool> gaps_of_nodes_;
};

}  // namespace fedcarbon::server
