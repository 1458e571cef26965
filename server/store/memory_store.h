// A store in memory: for tests and simulation. Nothing survives the process.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fedcarbon/sync/mutex.h"
#include "server/store/accumulated_totals.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// Thread-safe. Owns copies of all that it was given. Fails only where store.h says NOT_FOUND, or with the
/// error of `extract`.
class MemoryStore : public Store {
 public:
  absl::StatusOr<std::vector<Appended>> Append(absl::Span<const Submission> group) override;
  absl::StatusOr<uint64_t> Watermark(const std::string& node, uint64_t epoch) override;
  absl::Status GiveUpBefore(const std::string& node, uint64_t epoch, uint64_t oldest,
                            const Gap& gap) override;
  absl::StatusOr<std::vector<RunRecord>> ListRuns(size_t limit, const std::string& after_id) override;
  absl::StatusOr<std::vector<RunRecord>> FindRuns(const std::string& text) override;
  absl::StatusOr<std::vector<RoundRecord>> ListRounds(const std::string& run, RoundRange range,
                                                      uint64_t after_position, size_t limit) override;
  absl::StatusOr<std::vector<EdgeRow>> Edges(const std::string& run, RoundRange range,
                                             bool unattributed) override;
  absl::StatusOr<std::vector<ComputeRow>> Compute(const std::string& run, RoundRange range,
                                                  bool unattributed) override;
  absl::StatusOr<std::vector<std::pair<TransportKey, TransportTotals>>> ListTransport(Hour from,
                                                                                      Hour to) override;
  absl::StatusOr<std::vector<std::pair<OverheadKey, OverheadTotals>>> ListOverhead(Hour from,
                                                                                   Hour to) override;
  absl::StatusOr<std::vector<NodeRecord>> ListNodes() override;
  absl::StatusOr<std::vector<NodeGap>> ListGaps(absl::Time from, absl::Time to) override;
  absl::Status Scan(uint64_t from, uint64_t to,
                    const std::function<bool(const StoredBatch&)>& visit) override;
  absl::StatusOr<uint64_t> LastPosition() override;
  absl::StatusOr<std::vector<std::string>> Rebuild(const ExtractFunction& extract) override;

 private:
  struct EpochState {
    uint64_t watermark = 0;
    std::optional<absl::Time> last_received;
  };

  /// All runs, latest first fact first.
  std::vector<RunRecord> Runs() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  std::vector<StoredBatch> batches_ ABSL_GUARDED_BY(mutex_);  // at position - 1
  std::map<std::pair<std::string, uint64_t>, EpochState> epochs_ ABSL_GUARDED_BY(mutex_);
  AccumulatedTotals totals_ ABSL_GUARDED_BY(mutex_);
  std::vector<NodeGap> given_up_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::server
