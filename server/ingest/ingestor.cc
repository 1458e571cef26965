#include "server/ingest/ingestor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/check.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

// The node keeps its batches and comes again, whatever ails the store.
absl::Status StoreError(const absl::Status& status) {
  return absl::UnavailableError(absl::StrCat("the coordinator cannot store: ", status.message()));
}

}  // namespace

Ingestor::Ingestor(Store* store, const Clock* clock, Metrics* metrics)
    : store_(store), clock_(clock), metrics_(metrics), committer_([this] { CommitUntilStopped(); }) {}

Ingestor::~Ingestor() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  committer_.join();
}

void Ingestor::Greet(v1::Greeting greeting, AnswerFunction answer) {
  Enqueue({std::move(greeting), {}, std::move(answer)});
}

void Ingestor::Submit(Submission submission, AnswerFunction answer) {
  Enqueue({{}, std::move(submission), std::move(answer)});
}

void Ingestor::Enqueue(Job job) {
  MutexLock lock(&mutex_);
  waiting_.push_back(std::move(job));
  wake_.NotifyOne();
}

void Ingestor::CommitUntilStopped() {
  for (;;) {
    std::vector<Job> jobs;
    {
      MutexLock lock(&mutex_);
      while (waiting_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (waiting_.empty()) return;
      const auto end = waiting_.begin() + std::min(waiting_.size(), kMaxGroup);
      std::move(waiting_.begin(), end, std::back_inserter(jobs));
      waiting_.erase(waiting_.begin(), end);
    }
    // A greeting sees what came before it committed, or batches under way would be taken for lost.
    std::vector<Submission> group;
    std::vector<AnswerFunction> answers;
    for (Job& job : jobs) {
      if (job.greeting.node().empty()) {
        group.push_back(std::move(job.submission));
        answers.push_back(std::move(job.answer));
        continue;
      }
      CommitGroup(std::exchange(group, {}), std::exchange(answers, {}));
      AnswerGreeting(job);
    }
    CommitGroup(std::move(group), answers);
  }
}

void Ingestor::CommitGroup(std::vector<Submission> group, const std::vector<AnswerFunction>& answers) {
  if (group.empty()) return;
  const absl::Duration begin = clock_->Monotonic();
  const absl::StatusOr<std::vector<Appended>> results = store_->Append(group);
  metrics_->commit.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - begin));
  FEDCARBON_CHECK(!results.ok() || results->size() == group.size());
  for (size_t i = 0; i < group.size(); ++i) {
    const uint64_t sequence = group[i].id.sequence;
    if (!results.ok()) {
      answers[i](StoreError(results.status()));
    } else if ((*results)[i] == Appended::kHole) {
      ++metrics_->batches_refused;
      answers[i](absl::OutOfRangeError(
          absl::StrCat("batch ", sequence, " came before its predecessors: reconnect and greet")));
    } else {
      ++((*results)[i] == Appended::kAccepted ? metrics_->batches_accepted : metrics_->batches_duplicate);
      answers[i](sequence);
    }
  }
}

void Ingestor::AnswerGreeting(const Job& job) {
  const absl::StatusOr<uint64_t> watermark = Welcome(job.greeting);
  job.answer(watermark.ok() ? watermark : StoreError(watermark.status()));
}

absl::StatusOr<uint64_t> Ingestor::Welcome(const v1::Greeting& greeting) {
  const absl::StatusOr<uint64_t> watermark = store_->Watermark(greeting.node(), greeting.epoch());
  if (!watermark.ok() || greeting.oldest_sequence() <= *watermark + 1) return watermark;
  const absl::Time now = clock_->Now();
  const Gap gap{v1::Gap::REASON_LOST_BATCHES,
                now,
                now,
                0,
                Bytes(),
                absl::StrCat("batches ", *watermark + 1, " to ", greeting.oldest_sequence() - 1,
                             " are no longer held by the node")};
  RETURN_IF_ERROR(store_->GiveUpBefore(greeting.node(), greeting.epoch(), greeting.oldest_sequence(), gap));
  return greeting.oldest_sequence() - 1;
}

}  // namespace fedcarbon::server
