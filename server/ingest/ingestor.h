// Takes batches from many streams and commits them in groups.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "fedcarbon/v1/report.pb.h"
#include "server/metrics/metrics.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// Called once for each thing handed over, from the committer's thread: it must not block. The reporter's
/// watermark as far as this is known to raise it, or why it was not committed: OUT_OF_RANGE (a hole),
/// UNAVAILABLE (the store failed: keep the batch and try again).
using AnswerFunction = std::function<void(const absl::StatusOr<uint64_t>& watermark)>;

/// Thread-safe. One thread of its own appends what waits to the store, a group in one transaction: while one
/// group is on its way to the disk, the next one gathers. What waits is bounded by those who hand it over
/// (report_session.h).
class Ingestor {
 public:
  /// The most batches in one transaction.
  static constexpr size_t kMaxGroup = 512;

  /// All must outlive this.
  Ingestor(Store* store, const Clock* clock, Metrics* metrics);

  /// Commits and answers what was handed over, then returns. Nobody may hand over any more.
  ~Ingestor();

  /// A reporter is back: answers with its watermark. Batches that it no longer holds are given up, which
  /// leaves a Gap. `oldest_sequence` is at most kMaxStored.
  void Greet(v1::Greeting greeting, AnswerFunction answer);

  /// Answers, in the order of submission, when the batch is durable or refused.
  void Submit(Submission submission, AnswerFunction answer);

 private:
  // A batch, or a greeting if it names a node.
  struct Job {
    v1::Greeting greeting;
    Submission submission;
    AnswerFunction answer;
  };

  void Enqueue(Job job);
  void CommitUntilStopped();
  void CommitGroup(std::vector<Submission> group, const std::vector<AnswerFunction>& answers);
  void AnswerGreeting(const Job& job);
  absl::StatusOr<uint64_t> Welcome(const v1::Greeting& greeting);

  Store* const store_;
  const Clock* const clock_;
  Metrics* const metrics_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Job> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread committer_;
};

}  // namespace fedcarbon::server
