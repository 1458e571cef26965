// A run's facts as the store totals them, counted once, in a form that is quick to price: a footprint is
// linear in these sums, so the same CountedRun serves every method.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/query/edges.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// What one node computed of one kind, all hours together.
struct ComputeCell {
  uint32_t node = 0;  // index into RunNames
  v1::SpanKind kind = v1::SPAN_KIND_UNSPECIFIED;
  ComputeTotals totals;
  bool cpu_is_lower_bound = false;  // in one of its rounds spans computed, and nobody told any CPU time

  /// Of spans that compute. Handlers wait for others: theirs is no computation.
  absl::Duration computing() const {
    return kind == v1::SPAN_KIND_SERVE ? absl::ZeroDuration() : totals.wall;
  }
};

/// Numbers for the nodes and edges of a run. A copy may only grow.
class RunNames {
 public:
  struct EdgeEnds {
    uint32_t from = 0;
    uint32_t to = 0;
  };

  uint32_t Node(const std::string& name);
  uint32_t EdgeOf(const std::string& from, const std::string& to);
  std::optional<uint32_t> FindNode(const std::string& name) const;
  std::optional<uint32_t> FindEdge(const std::string& from, const std::string& to) const;

  const std::vector<std::string>& nodes() const { return nodes_; }
  const std::vector<EdgeEnds>& edges() const { return edges_; }

 private:
  std::vector<std::string> nodes_;
  std::vector<EdgeEnds> edges_;
  absl::flat_hash_map<std::string, uint32_t> node_numbers_;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, uint32_t> edge_numbers_;
};

/// What the store holds of one scope: observations of each observer of an edge, one cell for each node and
/// kind. Both ordered.
struct Cells {
  std::vector<EdgeObservation> observations;
  std::vector<ComputeCell> compute;

  size_t rows() const { return observations.size() + compute.size(); }
};

/// A scope with its edges counted once.
struct Counted {
  std::vector<std::pair<uint32_t, CountedEdge>> edges;  // by number of the edge
  std::vector<ComputeCell> compute;
};

/// Counts each edge of `cells`.
Counted CountEdges(const Cells& cells, const TransportShares& transport);

/// Reads totals into cells; numbers what is new in `names`.
Cells ToCells(const std::vector<EdgeRow>& edges, const std::vector<ComputeRow>& compute, RunNames* names);

/// Immutable once read.
struct CountedRun {
  /// Rounds that are summed together, so that one changed round costs a block, not the run.
  static constexpr uint64_t kBlockRounds = 64;

  struct Round {
    RoundRecord record;
    Cells cells;
  };
  struct Block {
    std::map<uint64_t, std::shared_ptr<const Round>> rounds;
    Cells cells;      // of its rounds, merged
    Counted counted;  // sum of its rounds, each counted by itself
  };

  RunRecord record;
  RunNames names;
  TransportShares transport;                                // of its edges and hours
  std::map<uint64_t, std::shared_ptr<const Block>> blocks;  // by round / kBlockRounds
  Cells recorded;        // rounds and unattributed, merged: what each observer recorded of the run
  Counted in_rounds;     // sum of all rounds, each counted by itself
  Counted unattributed;  // what the run holds beyond its rounds
  Counted whole;         // both; disagreements and cross-checks are those of the whole edges
  size_t rows = 0;       // of cells held: the measure of its size

  /// Null: there is no such round.
  std::shared_ptr<const Round> FindRound(uint64_t number) const;

  /// Visits the rounds of `range` in order, until `visit` returns false.
  void VisitRounds(RoundRange range, const std::function<bool(const Round&)>& visit) const;
};

/// Reads the run as the store has it now. What did not change since `previous` (null: nothing is known) is
/// shared with it. Errors: the store's.
absl::StatusOr<std::shared_ptr<const CountedRun>> ReadRun(Store* store, const RunRecord& record,
                                                          const CountedRun* previous);

/// Whether what the run's connections carried is still as it was read: that may change without a fact of the
/// run. Errors: the store's.
absl::StatusOr<bool> HasSameTransport(Store* store, const CountedRun& run);

}  // namespace fedcarbon::server
