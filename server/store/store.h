// The one interface to a database. No SQL outside server/store/<database>/. Every implementation passes the
// contract test (tests/unit/server/store/store_contract_test.cc).
//
// Batches are for ever; all else is derived and can be rebuilt from them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "fedcarbon/report/batch_format.h"
#include "server/store/totals.h"

namespace fedcarbon::server {

/// As many runs as a reader of all of them asks for at once.
inline constexpr size_t kRunsPerRead = 100;

/// A batch on its way into the store. Its sequence is at most kMaxStored, and so are the rounds of its delta.
struct Submission {
  BatchId id;
  absl::Time received;
  std::string sealed;  // stored as it came
  TotalsDelta delta;
};

enum class Appended {
  kAccepted,
  kDuplicate,  // at or below the watermark: no effect
  kHole,       // its predecessor is missing: no effect
};

struct StoredBatch {
  uint64_t position = 0;  // from 1, in the order of commits
  BatchId id;
  absl::Time received;
  std::string sealed;
};

struct EdgeRow {
  EdgeKey key;
  EdgeTotals totals;
};

struct ComputeRow {
  ComputeKey key;
  ComputeTotals totals;
};

struct RunRecord {
  std::string id;
  std::string name;
  uint64_t planned_rounds = 0;
  absl::Time first_fact;
  absl::Time last_fact;
  std::optional<v1::Outcome> ended;
  uint64_t starts = 0;          // start events from different epochs
  uint64_t rounds = 0;          // with facts
  uint64_t first_position = 0;  // of the first and the last batch that names the run
  uint64_t last_position = 0;   // also its version: it grows with every fact of the run
};

struct RoundRecord {
  uint64_t round = 0;
  std::optional<absl::Time> started;
  std::optional<absl::Time> ended;
  v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED;
  uint64_t last_position = 0;  // of the last batch that touched it: its version
};

struct NodeRecord {
  std::string node;
  v1::Node description;  // the latest
  absl::Time first_received;
  absl::Time last_received;
  std::optional<ClockReading> clock;
  uint64_t batches = 0;
  uint64_t unsigned_batches = 0;
  uint64_t unknown_fields = 0;
};

/// Databases know no greater integer: ingest refuses greater sequences and rounds, sums stay at it.
inline constexpr uint64_t kMaxStored = INT64_MAX;

/// Which rounds of a run are wanted, both ends included.
struct RoundRange {
  uint64_t from = 0;
  uint64_t to = UINT64_MAX;
};

/// What a stored batch changes (server/ingest/extract_totals.h).
using ExtractFunction = std::function<absl::StatusOr<TotalsDelta>(const StoredBatch&)>;

/// Thread-safe. Reads see committed data. Errors: UNAVAILABLE (busy, try again), DATA_LOSS (damaged),
/// RESOURCE_EXHAUSTED (disk full), FAILED_PRECONDITION (newer schema, locked by another coordinator).
class Store {
 public:
  virtual ~Store() = default;

  /// Appends a group and its deltas in one durable transaction, in order; one result each. All or nothing on
  /// error.
  virtual absl::StatusOr<std::vector<Appended>> Append(absl::Span<const Submission> group) = 0;

  /// The highest sequence up to which all batches of (node, epoch) are stored or given up; 0: none.
  virtual absl::StatusOr<uint64_t> Watermark(const std::string& node, uint64_t epoch) = 0;

  /// The node no longer holds batches before `oldest`: raises the watermark to oldest - 1 and records the
  /// gap, which begins no later than the arrival of the reporter's last batch. Of a reporter without any, as
  /// in a restored database, that is the node's last batch, and else the Unix epoch: what such a node lost
  /// may be of any time. Without effect if the watermark is there already.
  virtual absl::Status GiveUpBefore(const std::string& node, uint64_t epoch, uint64_t oldest,
                                    const Gap& gap) = 0;

  /// Runs, latest first fact first: at most `limit` after `after_id` (empty: from the start). NOT_FOUND if
  /// there is no such run.
  virtual absl::StatusOr<std::vector<RunRecord>> ListRuns(size_t limit, const std::string& after_id) = 0;

  /// Runs whose id is `text`, else whose id begins with it, else whose name it is; empty text: the latest.
  /// Latest first fact first.
  virtual absl::StatusOr<std::vector<RunRecord>> FindRuns(const std::string& text) = 0;

  /// Rounds of a run in the range that changed after `after_position` (0: all), by number; at most `limit`.
  virtual absl::StatusOr<std::vector<RoundRecord>> ListRounds(const std::string& run, RoundRange range,
                                                              uint64_t after_position, size_t limit) = 0;

  /// Totals of the rounds in the range; `unattributed`: of the run's facts without a round instead. An empty
  /// run is the facts that named none. Rows that still await a Binding come with those of the run that they
  /// name, usually none. Ordered by key.
  virtual absl::StatusOr<std::vector<EdgeRow>> Edges(const std::string& run, RoundRange range,
                                                     bool unattributed) = 0;
  virtual absl::StatusOr<std::vector<ComputeRow>> Compute(const std::string& run, RoundRange range,
                                                          bool unattributed) = 0;

  /// Transport bytes per edge, reporting end and hour, from `from` to `to`, both included. Ordered by key.
  virtual absl::StatusOr<std::vector<std::pair<TransportKey, TransportTotals>>> ListTransport(Hour from,
                                                                                              Hour to) = 0;

  /// fedcarbon's own traffic per node and hour, from `from` to `to`, both included.
  virtual absl::StatusOr<std::vector<std::pair<OverheadKey, OverheadTotals>>> ListOverhead(Hour from,
                                                                                           Hour to) = 0;

  virtual absl::StatusOr<std::vector<NodeRecord>> ListNodes() = 0;

  /// Gaps that overlap the interval, ordered by their start.
  virtual absl::StatusOr<std::vector<NodeGap>> ListGaps(absl::Time from, absl::Time to) = 0;

  /// Batches from position `from` to `to` in order, until `visit` returns false. Holds no lock while `visit`
  /// runs.
  virtual absl::Status Scan(uint64_t from, uint64_t to,
                            const std::function<bool(const StoredBatch&)>& visit) = 0;

  /// The position of the last batch; 0: none.
  virtual absl::StatusOr<uint64_t> LastPosition() = 0;

  /// Recreates all that is derived from the stored batches, in one transaction. Returns the differences to
  /// what was there, for people: none means equal. An error of `extract` ends it and leaves all as it was.
  virtual absl::StatusOr<std::vector<std::string>> Rebuild(const ExtractFunction& extract) = 0;
};

}  // namespace fedcarbon::server
