#include "server/store/memory_store.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/store/describe_totals.h"

namespace fedcarbon::server {
namespace {

// The rows of a run in the range, or its rows without a round. Rows are ordered by run, then by round.
template <typename Row, typename Map>
std::vector<Row> RowsOf(const Map& rows, const std::string& run, RoundRange range, bool unattributed) {
  typename Map::key_type first;
  first.round.run = run;
  std::vector<Row> found;
  for (auto row = rows.lower_bound(first); row != rows.end() && row->first.round.run == run; ++row) {
    const std::optional<uint64_t>& round = row->first.round.round;
    if (unattributed ? !round : round && *round >= range.from && *round <= range.to) {
      found.push_back({row->first, row->second});
    }
  }
  return found;
}

}  // namespace

absl::StatusOr<std::vector<Appended>> MemoryStore::Append(absl::Span<const Submission> group) {
  std::vector<Appended> results;
  MutexLock lock(&mutex_);
  for (const Submission& submission : group) {
    EpochState& state = epochs_[{submission.id.node, submission.id.epoch}];
    if (submission.id.sequence != state.watermark + 1) {
      const bool duplicate = submission.id.sequence <= state.watermark;
      results.push_back(duplicate ? Appended::kDuplicate : Appended::kHole);
      continue;
    }
    state = {submission.id.sequence, submission.received};
    batches_.push_back({batches_.size() + 1, submission.id, submission.received, submission.sealed});
    totals_.Add(batches_.size(), submission.received, submission.delta);
    results.push_back(Appended::kAccepted);
  }
  return results;
}

absl::StatusOr<uint64_t> MemoryStore::Watermark(const std::string& node, uint64_t epoch) {
  MutexLock lock(&mutex_);
  const auto state = epochs_.find({node, epoch});
  return state == epochs_.end() ? 0 : state->second.watermark;
}

absl::Status MemoryStore::GiveUpBefore(const std::string& node, uint64_t epoch, uint64_t oldest,
                                       const Gap& gap) {
  MutexLock lock(&mutex_);
  EpochState& state = epochs_[{node, epoch}];
  if (oldest <= state.watermark + 1) return absl::OkStatus();
  state.watermark = oldest - 1;
  given_up_.push_back({node, gap});
  const auto record = totals_.nodes().find(node);
  const absl::Time known = record == totals_.nodes().end() ? absl::UnixEpoch() : record->second.last_received;
  given_up_.back().gap.from = std::min(gap.from, state.last_received.value_or(known));
  return absl::OkStatus();
}

std::vector<RunRecord> MemoryStore::Runs() const {
  std::vector<RunRecord> runs;
  for (const auto& [id, record] : totals_.runs()) {
    runs.push_back(record);
    const auto count = [&id = id](const auto& set, const auto& run_of) {
      return static_cast<uint64_t>(
          std::count_if(set.begin(), set.end(), [&](const auto& entry) { return run_of(entry) == id; }));
    };
    runs.back().starts = count(totals_.run_starts(), [](const auto& start) { return std::get<0>(start); });
    runs.back().rounds = count(totals_.rounds(), [](const auto& round) { return round.first.first; });
  }
  std::sort(runs.begin(), runs.end(), [](const RunRecord& a, const RunRecord& b) {
    return a.first_fact != b.first_fact ? a.first_fact > b.first_fact : a.id < b.id;
  });
  return runs;
}

absl::StatusOr<std::vector<RunRecord>> MemoryStore::ListRuns(size_t limit, const std::string& after_id) {
  MutexLock lock(&mutex_);
  const std::vector<RunRecord> runs = Runs();
  auto first = runs.begin();
  if (!after_id.empty()) {
    first = std::find_if(first, runs.end(), [&](const RunRecord& run) { return run.id == after_id; });
    if (first == runs.end()) return absl::NotFoundError(absl::StrCat("there is no run '", after_id, "'"));
    ++first;
  }
  const size_t count = std::min<size_t>(limit, runs.end() - first);
  return std::vector<RunRecord>(first, first + count);
}

absl::StatusOr<std::vector<RunRecord>> MemoryStore::FindRuns(const std::string& text) {
  std::vector<RunRecord> runs;
  {
    MutexLock lock(&mutex_);
    runs = Runs();
  }
  if (text.empty()) {
    if (runs.size() > 1) runs.resize(1);
    return runs;
  }
  const auto select = [&runs](const auto& matches) {
    std::vector<RunRecord> found;
    std::copy_if(runs.begin(), runs.end(), std::back_inserter(found), matches);
    return found;
  };
  std::vector<RunRecord> found = select([&](const RunRecord& run) { return run.id == text; });
  if (found.empty()) found = select([&](const RunRecord& run) { return absl::StartsWith(run.id, text); });
  if (found.empty()) found = select([&](const RunRecord& run) { return run.name == text; });
  return found;
}

absl::StatusOr<std::vector<RoundRecord>> MemoryStore::ListRounds(const std::string& run, RoundRange range,
                                                                 uint64_t after_position, size_t limit) {
  std::vector<RoundRecord> found;
  MutexLock lock(&mutex_);
  for (auto round = totals_.rounds().lower_bound({run, range.from}); round != totals_.rounds().end();
       ++round) {
    const auto& [key, record] = *round;
    if (key.first != run || key.second > range.to || found.size() == limit) break;
    if (record.last_position > after_position) found.push_back(record);
  }
  return found;
}

absl::StatusOr<std::vector<EdgeRow>> MemoryStore::Edges(const std::string& run, RoundRange range,
                                                        bool unattributed) {
  MutexLock lock(&mutex_);
  return RowsOf<EdgeRow>(totals_.edges(), run, range, unattributed);
}

absl::StatusOr<std::vector<ComputeRow>> MemoryStore::Compute(const std::string& run, RoundRange range,
                                                             bool unattributed) {
  MutexLock lock(&mutex_);
  return RowsOf<ComputeRow>(totals_.compute(), run, range, unattributed);
}

absl::StatusOr<std::vector<std::pair<TransportKey, TransportTotals>>> MemoryStore::ListTransport(Hour from,
                                                                                                 Hour to) {
  std::vector<std::pair<TransportKey, TransportTotals>> found;
  MutexLock lock(&mutex_);
  for (const auto& row : totals_.transport()) {
    if (row.first.hour >= from && row.first.hour <= to) found.push_back(row);
  }
  return found;
}

absl::StatusOr<std::vector<std::pair<OverheadKey, OverheadTotals>>> MemoryStore::ListOverhead(Hour from,
                                                                                              Hour to) {
  std::vector<std::pair<OverheadKey, OverheadTotals>> found;
  MutexLock lock(&mutex_);
  for (const auto& row : totals_.overhead()) {
    if (row.first.hour >= from && row.first.hour <= to) found.push_back(row);
  }
  return found;
}

absl::StatusOr<std::vector<NodeRecord>> MemoryStore::ListNodes() {
  std::vector<NodeRecord> found;
  MutexLock lock(&mutex_);
  for (const auto& node : totals_.nodes()) found.push_back(node.second);
  return found;
}

absl::StatusOr<std::vector<NodeGap>> MemoryStore::ListGaps(absl::Time from, absl::Time to) {
  std::vector<NodeGap> found;
  {
    MutexLock lock(&mutex_);
    found = given_up_;
    for (const auto& gap : totals_.gaps()) found.push_back(gap.second);
  }
  found.erase(std::remove_if(found.begin(), found.end(),
                             [&](const NodeGap& gap) { return gap.gap.to < from || gap.gap.from > to; }),
              found.end());
  std::sort(found.begin(), found.end(), [](const NodeGap& a, const NodeGap& b) {
    return std::tie(a.gap.from, a.node, a.gap.reason, a.gap.to) <
           std::tie(b.gap.from, b.node, b.gap.reason, b.gap.to);
  });
  return found;
}

absl::Status MemoryStore::Scan(uint64_t from, uint64_t to,
                               const std::function<bool(const StoredBatch&)>& visit) {
  for (uint64_t position = std::max<uint64_t>(from, 1); position <= to; ++position) {
    StoredBatch batch;
    {
      MutexLock lock(&mutex_);
      if (position > batches_.size()) break;
      batch = batches_[position - 1];
    }
    if (!visit(batch)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> MemoryStore::LastPosition() {
  MutexLock lock(&mutex_);
  return batches_.size();
}

absl::StatusOr<std::vector<std::string>> MemoryStore::Rebuild(const ExtractFunction& extract) {
  AccumulatedTotals rebuilt;
  uint64_t done = 0;
  absl::Status status;
  for (;;) {
    const absl::Status scanned = Scan(done + 1, UINT64_MAX, [&](const StoredBatch& batch) {
      const absl::StatusOr<TotalsDelta> delta = extract(batch);
      status = delta.status();
      if (!status.ok()) return false;
      rebuilt.Add(batch.position, batch.received, *delta);
      done = batch.position;
      return true;
    });
    if (!scanned.ok()) return scanned;
    if (!status.ok()) return status;
    MutexLock lock(&mutex_);
    if (done < batches_.size()) continue;  // it grew meanwhile
    std::vector<std::string> differences = Differences(totals_, rebuilt);
    totals_ = std::move(rebuilt);
    return differences;
  }
}

}  // namespace fedcarbon::server
