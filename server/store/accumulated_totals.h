// All that is derived from a sequence of batches, in memory.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/store/store.h"
#include "server/store/totals.h"

namespace fedcarbon::server {

/// Names what a Binding is about: keys belong to one epoch of one node.
struct BindingKey {
  std::string node;
  uint64_t epoch = 0;
  uint64_t key = 0;

  friend bool operator<(const BindingKey& a, const BindingKey& b) {
    return std::tie(a.node, a.epoch, a.key) < std::tie(b.node, b.epoch, b.key);
  }
};

/// The Binding that a row awaits; meaningless unless key.binding is set.
BindingKey AwaitedBy(const EdgeKey& key);

/// Adds batches up. MemoryStore keeps one for all batches; SqliteStore one for a group of them, which it then
/// adds to its tables. Not thread-safe.
class AccumulatedTotals {
 public:
  /// Batches must come in the order of their positions.
  void Add(uint64_t position, absl::Time received, const TotalsDelta& delta);

  /// For a store whose older rows lie elsewhere. What batches before these bound the key to:
  void RecallBinding(const BindingKey& key, const RoundId& round) { bindings_.emplace(key, round); }
  /// A row that awaits a binding and was taken out of where it lay, to be moved by the next Add:
  void RecallEdge(const EdgeKey& key, const EdgeTotals& totals) { AddEdge(key, totals); }

  const std::map<EdgeKey, EdgeTotals>& edges() const { return edges_; }
  const std::map<TransportKey, TransportTotals>& transport() const { return transport_; }
  const std::map<ComputeKey, ComputeTotals>& compute() const { return compute_; }
  const std::map<OverheadKey, OverheadTotals>& overhead() const { return overhead_; }
  /// `starts` and `rounds` of a record are not set: they are the numbers of run_starts and rounds.
  const std::map<std::string, RunRecord>& runs() const { return runs_; }
  /// Which (run, node, epoch) started a run.
  const std::set<std::tuple<std::string, std::string, uint64_t>>& run_starts() const { return run_starts_; }
  const std::map<std::pair<std::string, uint64_t>, RoundRecord>& rounds() const { return rounds_; }
  const std::map<std::string, NodeRecord>& nodes() const { return nodes_; }
  const std::map<BindingKey, RoundId>& bindings() const { return bindings_; }
  /// With the position of their batch.
  const std::vector<std::pair<uint64_t, NodeGap>>& gaps() const { return gaps_; }

 private:
  void AddEdge(EdgeKey key, const EdgeTotals& totals);
  void AddRunEvent(const RunEvent& event, const TotalsDelta& delta);
  void AddRoundEvent(uint64_t position, const RoundEvent& event);
  void AddNode(absl::Time received, const TotalsDelta& delta);
  void Bind(uint64_t position, const BindingKey& key, const RoundId& round);
  void Touch(uint64_t position, const RoundId& round);
  /// The run has facts in this batch, or moved by it, from `first` to `last`.
  void TouchRun(uint64_t position, const std::string& run, absl::Time first, absl::Time last);

  uint64_t last_position_ = 0;
  std::map<EdgeKey, EdgeTotals> edges_;
  std::map<BindingKey, std::set<EdgeKey>> awaiting_;  // keys of edges_ that a later Binding will move
  std::map<TransportKey, TransportTotals> transport_;
  std::map<ComputeKey, ComputeTotals> compute_;
  std::map<OverheadKey, OverheadTotals> overhead_;
  std::map<std::string, RunRecord> runs_;
  std::set<std::tuple<std::string, std::string, uint64_t>> run_starts_;
  std::map<std::pair<std::string, uint64_t>, RoundRecord> rounds_;
  std::map<std::string, NodeRecord> nodes_;
  std::map<BindingKey, RoundId> bindings_;
  std::vector<std::pair<uint64_t, NodeGap>> gaps_;
};

}  // namespace fedcarbon::server
