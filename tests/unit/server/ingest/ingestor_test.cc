// Streams on threads of their own, without gRPC: what TSan looks at.
#include "server/ingest/ingestor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "fedcarbon/report/batch_builder.h"
#include "server/ingest/extract_totals.h"
#include "server/ingest/report_session.h"
#include "server/store/memory_store.h"

namespace fedcarbon::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kIngestedEpoch = 7;
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

v1::ReportRequest Batch(const std::string& node, uint64_t sequence) {
  BatchBuilder builder(kMaxSealedBatchBytes);
  Span span;
  span.round = {"run", sequence % 3};
  span.start = kNow;
  span.wall = absl::Microseconds(1);
  builder.Add(span);
  v1::ReportRequest request;
  request.set_sealed_batch(
      builder.Seal({node, kIngestedEpoch, sequence}, {kNow, absl::ZeroDuration(), "boot"}));
  return request;
}

v1::ReportRequest Greeting(const std::string& node, uint64_t oldest) {
  v1::ReportRequest request;
  request.mutable_greeting()->set_node(node);
  request.mutable_greeting()->set_epoch(kIngestedEpoch);
  request.mutable_greeting()->set_oldest_sequence(oldest);
  return request;
}

// Collects answers; waits for them.
class Answers {
 public:
  AnswerFunction Next() {
    return [this](const absl::StatusOr<uint64_t>& watermark) {
      MutexLock lock(&mutex_);
      answers_.push_back(watermark);
      arrived_.NotifyAll();
    };
  }

  std::vector<absl::StatusOr<uint64_t>> Await(size_t count) {
    MutexLock lock(&mutex_);
    while (answers_.size() < count) {
      if (!arrived_.WaitFor(&mutex_, absl::Seconds(60))) {
        ADD_FAILURE() << answers_.size() << " of " << count << " answers came";
        break;
      }
    }
    return answers_;
  }

 private:
  Mutex mutex_;
  CondVar arrived_;
  std::vector<absl::StatusOr<uint64_t>> answers_ ABSL_GUARDED_BY(mutex_);
};

// A store that fails when it is told to, and waits in Append until it is let go.
class TroubledStore : public MemoryStore {
 public:
  absl::StatusOr<std::vector<Appended>> Append(absl::Span<const Submission> group) override {
    {
      MutexLock lock(&mutex_);
      groups_.push_back(group.size());
      changed_.NotifyAll();
      while (held_) changed_.Wait(&mutex_);
    }
    if (failing) return absl::ResourceExhaustedError("disk full");
    return MemoryStore::Append(group);
  }

  void Hold(bool held) {
    MutexLock lock(&mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  void AwaitAppend() {
    MutexLock lock(&mutex_);
    while (groups_.empty()) changed_.Wait(&mutex_);
  }
  std::vector<size_t> groups() {
    MutexLock lock(&mutex_);
    return groups_;
  }

  std::atomic<bool> failing{false};

 private:
  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<size_t> groups_ ABSL_GUARDED_BY(mutex_);
};

TEST(Ingestor, EightStreamsAtOnceAreStoredOnceEach) {
  constexpr uint64_t kBatches = 300;
  MemoryStore store;
  Metrics metrics;
  Ingestor ingestor(&store, Clock::System(), &metrics);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    // Two streams for each reporter: everything comes twice, at the same time.
    threads.emplace_back([&, node = "n" + std::to_string(i / 2) + ".example"] {
      ReportSession stream(&ingestor, &metrics);
      Answers answers;
      size_t sent = 0;
      const auto send = [&](v1::ReportRequest request) {
        ASSERT_TRUE(stream.Receive(std::move(request), kNow, answers.Next()).ok());
        ++sent;
      };
      send(Greeting(node, 1));
      for (uint64_t sequence = 1; sequence <= kBatches; ++sequence) {
        send(Batch(node, sequence));
        if (sent % ReportSession::kMaxUnanswered == 0) answers.Await(sent);
      }
      for (const absl::StatusOr<uint64_t>& answer : answers.Await(sent)) EXPECT_TRUE(answer.ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.LastPosition().value(), 4 * kBatches);
  EXPECT_EQ(metrics.batches_accepted, 4 * kBatches);
  EXPECT_EQ(metrics.batches_duplicate, 4 * kBatches);
  uint64_t spans = 0;
  const auto rows = store.Compute("run", {}, false).value();
  for (const ComputeRow& row : rows) spans += row.totals.spans;
  EXPECT_EQ(spans, 4 * kBatches);
  EXPECT_TRUE(store.Rebuild(ExtractStoredTotals).value().empty());
}

TEST(Ingestor, WhatGathersDuringACommitBecomesOneGroupUpToTheLimit) {
  TroubledStore store;
  store.Hold(true);
  Metrics metrics;
  Ingestor ingestor(&store, Clock::System(), &metrics);
  Answers answers;
  const auto submit = [&](uint64_t sequence) {
    ingestor.Submit({{"a.example", kIngestedEpoch, sequence}, kNow, "", {}}, answers.Next());
  };
  submit(1);
  store.AwaitAppend();
  for (uint64_t sequence = 2; sequence <= Ingestor::kMaxGroup + 2; ++sequence) submit(sequence);
  store.Hold(false);
  answers.Await(Ingestor::kMaxGroup + 2);
  EXPECT_THAT(store.groups(), ElementsAre(1, Ingestor::kMaxGroup, 1));
}

TEST(Ingestor, FailingStoreLetsNodesTryAgain) {
  TroubledStore store;
  store.failing = true;
  Metrics metrics;
  Ingestor ingestor(&store, Clock::System(), &metrics);
  Answers answers;
  ingestor.Submit({{"a.example", kIngestedEpoch, 1}, kNow, "", {}}, answers.Next());
  const absl::Status refused = answers.Await(1)[0].status();
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("disk full"));
  store.failing = false;
  ingestor.Submit({{"a.example", kIngestedEpoch, 1}, kNow, "", {}}, answers.Next());
  EXPECT_EQ(answers.Await(2)[1].value(), 1u);
}

TEST(Ingestor, GreetingWaitsForWhatTheOldStreamStillHadUnderWay) {
  TroubledStore store;
  store.Hold(true);
  Metrics metrics;
  Ingestor ingestor(&store, Clock::System(), &metrics);
  Answers answers;
  ingestor.Submit({{"a.example", kIngestedEpoch, 1}, kNow, "", {}}, answers.Next());
  store.AwaitAppend();
  ingestor.Submit({{"a.example", kIngestedEpoch, 2}, kNow, "", {}}, answers.Next());
  ingestor.Greet(Greeting("a.example", 3).greeting(), answers.Next());
  store.Hold(false);
  EXPECT_EQ(answers.Await(3)[2].value(), 2u);
  EXPECT_TRUE(store.ListGaps(absl::InfinitePast(), absl::InfiniteFuture()).value().empty());
}

TEST(Ingestor, EndsOnlyAfterEverythingIsCommittedAndAnswered) {
  MemoryStore store;
  Metrics metrics;
  Answers answers;
  {
    Ingestor ingestor(&store, Clock::System(), &metrics);
    for (uint64_t sequence = 1; sequence <= 2000; ++sequence) {
      ingestor.Submit({{"a.example", kIngestedEpoch, sequence}, kNow, "", {}}, answers.Next());
    }
  }
  EXPECT_EQ(store.Watermark("a.example", kIngestedEpoch).value(), 2000u);
  EXPECT_EQ(answers.Await(2000).size(), 2000u);
}

}  // namespace
}  // namespace fedcarbon::server
