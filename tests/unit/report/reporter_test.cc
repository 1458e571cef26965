// Real threads, without gRPC, so that TSan sees them all.
#include "fedcarbon/report/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "fedcarbon/report/fact_buffers.h"
#include "tests/unit/random_seed.h"
#include "tests/unit/report/fake_coordinator.h"
#include "tests/unit/report/random_facts.h"

namespace fedcarbon {
namespace {

using testing::AnyFate;
using testing::FakeCoordinator;
using testing::Fate;
using ::testing::HasSubstr;
using testing::ThreadedTransport;

constexpr absl::Duration kPatience = absl::Seconds(60);

ReporterOptions Options() {
  ReporterOptions options;
  options.node = "hospital-a";
  options.batch_interval = absl::Milliseconds(5);
  options.shipping.first_backoff = absl::Milliseconds(1);
  options.shipping.longest_backoff = absl::Milliseconds(20);
  options.shipping.answer_timeout = absl::Milliseconds(200);
  options.shutdown_deadline = absl::Milliseconds(100);
  return options;
}

std::shared_ptr<Reporter> StartReporter(FakeCoordinator* coordinator,
                                        const ReporterOptions& options = Options(),
                                        Bytes queue = Bytes(64'000'000)) {
  return *Reporter::Create(options, std::make_unique<ThreadedTransport>(coordinator),
                           std::make_unique<MemoryBatchQueue>(queue));
}

Transfer TransferOf(uint64_t id) {
  Transfer transfer;
  transfer.call_id = id;
  transfer.method = "/package.Service/Method";
  transfer.start = absl::Now();
  return transfer;
}

template <typename Kind>
std::vector<Kind> Committed(const FakeCoordinator& coordinator) {
  std::vector<Kind> found;
  for (const OpenedBatch& opened : coordinator.Opened()) {
    for (const Fact& fact : testing::AllFacts(opened)) {
      if (const auto* held = std::get_if<Kind>(&fact)) found.push_back(*held);
    }
  }
  return found;
}

uint64_t SumOfIds(const std::vector<Transfer>& transfers) {
  return std::accumulate(transfers.begin(), transfers.end(), uint64_t{0},
                         [](uint64_t sum, const Transfer& transfer) { return sum + transfer.call_id; });
}

TEST(ReporterTest, EightThreadsLoseNothing) {
  FakeCoordinator coordinator(Clock::System());
  auto reporter = StartReporter(&coordinator);
  constexpr uint64_t kPerThread = FactBuffers::kFactsPerShard;  // fits even if nothing were sealed meanwhile
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 1; i <= kPerThread; ++i) reporter->Record(TransferOf(t * kPerThread + i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(reporter->Flush(kPatience).ok());
  const std::vector<Transfer> transfers = Committed<Transfer>(coordinator);
  constexpr uint64_t kAll = 8 * kPerThread;
  EXPECT_EQ(transfers.size(), kAll);
  EXPECT_EQ(SumOfIds(transfers), kAll * (kAll + 1) / 2);
  EXPECT_EQ(Committed<Gap>(coordinator).size(), 0u);
}

TEST(ReporterTest, WhateverBreaksEveryFactIsCommittedOnce) {
  FakeCoordinator coordinator(Clock::System());
  std::mt19937_64 random(RandomSeed());  // used under the coordinator's lock
  coordinator.SetFate([&](uint64_t) { return AnyFate(&random); });
  auto options = Options();
  options.batch_bytes = 1'000;
  auto reporter = StartReporter(&coordinator, options);
  constexpr uint64_t kFacts = 2'000;
  for (uint64_t id = 1; id <= kFacts; ++id) {
    reporter->Record(TransferOf(id));
    if (id % 500 == 0) coordinator.RefuseGreetings(absl::UnavailableError("away"));
    if (id % 500 == 250) coordinator.RefuseGreetings(std::nullopt);
  }
  coordinator.RefuseGreetings(std::nullopt);
  ASSERT_TRUE(reporter->Flush(kPatience).ok());
  const std::vector<Transfer> transfers = Committed<Transfer>(coordinator);
  ASSERT_EQ(transfers.size(), kFacts);
  for (uint64_t i = 0; i < kFacts; ++i) ASSERT_EQ(transfers[i].call_id, i + 1) << "in order";
  uint64_t sequence = 0;
  for (const OpenedBatch& opened : coordinator.Opened()) {
    EXPECT_EQ(opened.id(), (BatchId{"hospital-a", reporter->epoch(), ++sequence}));
  }
}

TEST(ReporterTest, BatchIsSealedAtItsAgeWithoutAFlush) {
  FakeCoordinator coordinator(Clock::System());
  Mutex mutex;
  CondVar changed;
  bool has_transfer = false;
  coordinator.SetFate([&](uint64_t) {
    MutexLock lock(&mutex);
    has_transfer = true;
    changed.NotifyAll();
    return Fate();
  });
  auto reporter = StartReporter(&coordinator);
  reporter->Record(TransferOf(1));
  MutexLock lock(&mutex);
  const absl::Time deadline = absl::Now() + kPatience;
  while (!has_transfer && absl::Now() < deadline) changed.WaitFor(&mutex, absl::Seconds(1));
  EXPECT_TRUE(has_transfer);
}

TEST(ReporterTest, CoordinatorThatIsAwayAndComesBackGetsAll) {
  FakeCoordinator coordinator(Clock::System());
  coordinator.RefuseGreetings(absl::UnavailableError("away"));
  auto options = Options();
  options.batch_interval = absl::Hours(1);  // nothing but a flush seals
  auto reporter = StartReporter(&coordinator, options);
  for (uint64_t id = 1; id <= 100; ++id) reporter->Record(TransferOf(id));
  const absl::Time deadline = absl::Now() + kPatience;
  absl::Status away;
  do {  // until the reporter's thread had its turn
    away = reporter->Flush(absl::Milliseconds(100));
    ASSERT_EQ(away.code(), absl::StatusCode::kDeadlineExceeded);
  } while (!absl::StrContains(away.message(), "1 batches") && absl::Now() < deadline);
  EXPECT_THAT(std::string(away.message()), HasSubstr("1 batches"));
  coordinator.RefuseGreetings(std::nullopt);
  EXPECT_TRUE(reporter->Flush(kPatience).ok());
  EXPECT_EQ(SumOfIds(Committed<Transfer>(coordinator)), 5'050u);
}

TEST(ReporterTest, FullQueueLosesFactsAndTellsExactlyHowMany) {
  FakeCoordinator coordinator(Clock::System());
  coordinator.RefuseGreetings(absl::UnavailableError("away"));
  // Gives no ClockReading: the reporter's own facts could be lost and counted, too.
  coordinator.SetAnswerTakes(absl::Hours(1));
  auto options = Options();
  options.batch_bytes = 1'000;
  options.batch_interval = absl::Hours(1);  // nothing but a flush tells the gap
  auto reporter = StartReporter(&coordinator, options, Bytes(5'000));
  constexpr uint64_t kFacts = 3'000;
  for (uint64_t id = 1; id <= kFacts; ++id) reporter->Record(TransferOf(id));
  EXPECT_TRUE(absl::IsDeadlineExceeded(reporter->Flush(absl::Milliseconds(100))));
  coordinator.RefuseGreetings(std::nullopt);
  ASSERT_TRUE(reporter->Flush(kPatience).ok()) << "the gap is flushed too";
  // A gap may be told while the queue has room for so small a batch, and another one follows for the rest.
  uint64_t lost = 0;
  for (const Gap& gap : Committed<Gap>(coordinator)) {
    EXPECT_EQ(gap.reason, v1::Gap::REASON_QUEUE_FULL);
    lost += gap.facts;
  }
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(lost + Committed<Transfer>(coordinator).size(), kFacts);
}

TEST(ReporterTest, FlushWaitsForAGapThatHasToWaitForRoom) {
  class OneBatchQueue : public MemoryBatchQueue {
   public:
    explicit OneBatchQueue(std::atomic<uint64_t>* asked)
        : MemoryBatchQueue(Bytes(1'000'000)), asked_(asked) {}
    absl::Status Append(std::string sealed) override {
      ++*asked_;
      if (oldest() != next()) return absl::ResourceExhaustedError("it holds one");
      return MemoryBatchQueue::Append(std::move(sealed));
    }

   private:
    std::atomic<uint64_t>* const asked_;
  };
  std::atomic<uint64_t> asked = 0;
  FakeCoordinator coordinator(Clock::System());
  coordinator.RefuseGreetings(absl::UnavailableError("away"));
  coordinator.SetAnswerTakes(absl::Hours(1));  // no ClockReading
  auto options = Options();
  options.batch_interval = absl::Hours(1);  // nothing but a flush seals
  auto reporter = *Reporter::Create(options, std::make_unique<ThreadedTransport>(&coordinator),
                                    std::make_unique<OneBatchQueue>(&asked));
  const absl::Time deadline = absl::Now() + kPatience;
  for (const uint64_t id : {1, 2}) {
    reporter->Record(TransferOf(id));
    do {  // each in a batch of its own
      EXPECT_TRUE(absl::IsDeadlineExceeded(reporter->Flush(absl::Milliseconds(50))));
    } while (asked < id && absl::Now() < deadline);
  }
  coordinator.RefuseGreetings(std::nullopt);
  ASSERT_TRUE(reporter->Flush(kPatience / 3).ok()) << "room that an answer makes is used at once";
  EXPECT_EQ(SumOfIds(Committed<Transfer>(coordinator)), 1u);
  const std::vector<Gap> gaps = Committed<Gap>(coordinator);
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].facts, 1u);
}

TEST(ReporterTest, RefusedBatchIsDataLossForTheFlush) {
  FakeCoordinator coordinator(Clock::System());
  coordinator.SetFate([](uint64_t sequence) {
    return sequence == 1 ? Fate{false, false, absl::InvalidArgumentError("malformed")} : Fate();
  });
  auto reporter = StartReporter(&coordinator);
  reporter->Record(TransferOf(1));
  EXPECT_EQ(reporter->Flush(kPatience).code(), absl::StatusCode::kDataLoss);
  reporter->Record(TransferOf(2));
  EXPECT_TRUE(reporter->Flush(kPatience).ok());
  ASSERT_EQ(Committed<Gap>(coordinator).size(), 1u);
}

TEST(ReporterTest, BatchRefusedBeforeTheFlushIsDataLossToo) {
  FakeCoordinator coordinator(Clock::System());
  coordinator.SetFate([](uint64_t sequence) {
    return sequence == 1 ? Fate{false, false, absl::InvalidArgumentError("malformed")} : Fate();
  });
  auto reporter = StartReporter(&coordinator);
  reporter->Record(TransferOf(1));
  const absl::Time deadline = absl::Now() + kPatience;
  while (coordinator.given_up().empty() && absl::Now() < deadline) std::this_thread::yield();
  ASSERT_FALSE(coordinator.given_up().empty());
  EXPECT_EQ(reporter->Flush(kPatience).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(reporter->Flush(kPatience).ok()) << "told once";
}

TEST(ReporterTest, OwnTrafficIsReportedWithTheFacts) {
  FakeCoordinator coordinator(Clock::System());
  auto options = Options();
  options.batch_interval = absl::Hours(1);  // nothing but a flush seals
  auto reporter = StartReporter(&coordinator, options);
  reporter->Record(TransferOf(1));
  ASSERT_TRUE(reporter->Flush(kPatience).ok());
  const uint64_t before = coordinator.request_bytes();
  reporter->Record(TransferOf(2));
  ASSERT_TRUE(reporter->Flush(kPatience).ok());
  uint64_t reported = 0;
  for (const Overhead& overhead : Committed<Overhead>(coordinator)) reported += overhead.report_sent.count();
  EXPECT_GE(reported, before);
  EXPECT_LT(reported, coordinator.request_bytes()) << "the last batch cannot hold its own bytes";
}

TEST(ReporterTest, DestructionWithADeadCoordinatorReturns) {
  FakeCoordinator coordinator(Clock::System());
  coordinator.RefuseGreetings(absl::UnavailableError("away"));
  auto reporter = StartReporter(&coordinator);
  reporter->Record(TransferOf(1));
  reporter.reset();
}

TEST(ReporterTest, DestructionWithAHangingTransportReturns) {
  // Its streams end only when the test says so.
  struct Gate {
    Mutex mutex;
    CondVar changed;
    bool is_open ABSL_GUARDED_BY(mutex) = false;
    bool is_left ABSL_GUARDED_BY(mutex) = false;
  };
  class Hanging : public Transport {
   public:
    explicit Hanging(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
    ~Hanging() override {
      MutexLock lock(&gate_->mutex);
      gate_->is_left = true;
      gate_->changed.NotifyAll();
    }
    std::unique_ptr<ReportClientStream> Open(StreamListener*) override {
      class Stream : public ReportClientStream {
       public:
        explicit Stream(Gate* gate) : gate_(gate) {}
        ~Stream() override {
          MutexLock lock(&gate_->mutex);
          while (!gate_->is_open) gate_->changed.Wait(&gate_->mutex);
        }
        void Send(v1::ReportRequest) override {}
        Gate* const gate_;
      };
      return std::make_unique<Stream>(gate_.get());
    }
    const std::shared_ptr<Gate> gate_;
  };
  auto gate = std::make_shared<Gate>();
  auto reporter = *Reporter::Create(Options(), std::make_unique<Hanging>(gate),
                                    std::make_unique<MemoryBatchQueue>(Bytes(1'000'000)));
  reporter->Record(TransferOf(1));
  reporter.reset();
  MutexLock lock(&gate->mutex);
  gate->is_open = true;
  gate->changed.NotifyAll();
  while (!gate->is_left) gate->changed.Wait(&gate->mutex);  // the thread that was left behind cleans up
}

TEST(ReporterTest, AfterStopFactsAreIgnoredAndFlushSaysSo) {
  FakeCoordinator coordinator(Clock::System());
  auto reporter = StartReporter(&coordinator);
  reporter->Record(TransferOf(1));
  reporter->Stop(kPatience);
  reporter->Record(TransferOf(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(reporter->Flush(kPatience)));
  reporter->Stop(kPatience);
  EXPECT_EQ(SumOfIds(Committed<Transfer>(coordinator)), 1u);
}

TEST(ReporterTest, ForkedChildSendsNothingAndItsDestructorReturns) {
  FakeCoordinator coordinator(Clock::System());
  auto reporter = StartReporter(&coordinator);
  reporter->Record(TransferOf(1));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);
    reporter->Record(TransferOf(2));
    const bool is_inert = absl::IsFailedPrecondition(reporter->Flush(absl::Seconds(1)));
    reporter->Stop(kPatience);
    reporter.reset();
    _exit(is_inert ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  reporter->Record(TransferOf(4));
  ASSERT_TRUE(reporter->Flush(kPatience).ok());
  EXPECT_EQ(SumOfIds(Committed<Transfer>(coordinator)), 5u);
}

TEST(ReporterTest, TwoReportersOfOneNodeHaveTheirOwnEpochs) {
  FakeCoordinator a(Clock::System());
  FakeCoordinator b(Clock::System());
  auto first = StartReporter(&a);
  auto second = StartReporter(&b);
  EXPECT_NE(first->epoch(), second->epoch());
  EXPECT_NE(first->epoch(), 0u);
}

TEST(ReporterTest, OptionsAreJudgedAtTheLimitAndOnePast) {
  FakeCoordinator coordinator(Clock::System());
  const auto create = [&](const ReporterOptions& options) {
    return Reporter::Create(options, std::make_unique<ThreadedTransport>(&coordinator),
                            std::make_unique<MemoryBatchQueue>(Bytes(1'000)))
        .status()
        .code();
  };
  ReporterOptions options = Options();
  for (const size_t good : {size_t{1'000}, kMaxSealedBatchBytes}) {
    options.batch_bytes = good;
    EXPECT_EQ(create(options), absl::StatusCode::kOk);
  }
  for (const size_t bad : {size_t{999}, kMaxSealedBatchBytes + 1}) {
    options.batch_bytes = bad;
    EXPECT_EQ(create(options), absl::StatusCode::kInvalidArgument);
  }
  options = Options();
  options.batch_interval = absl::ZeroDuration();
  EXPECT_EQ(create(options), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.node = "Hospital A";
  EXPECT_EQ(create(options), absl::StatusCode::kInvalidArgument);
}

TEST(FactBuffersTest, FullBufferCountsWhatItLosesAndWakesOnce) {
  int wakes = 0;
  FactBuffers buffers([&] { ++wakes; });
  for (size_t i = 0; i < FactBuffers::kFactsPerShard; ++i) buffers.Record(TransferOf(i));
  size_t taken = 0;
  const auto take = [&](const Fact&) { ++taken; };
  EXPECT_EQ(buffers.Drain(take), 0u);
  EXPECT_EQ(taken, FactBuffers::kFactsPerShard);
  EXPECT_EQ(wakes, 1);
  for (size_t i = 0; i < FactBuffers::kFactsPerShard + 3; ++i) buffers.Record(TransferOf(i));
  taken = 0;
  EXPECT_EQ(buffers.Drain(take), 3u);
  EXPECT_EQ(taken, FactBuffers::kFactsPerShard);
  EXPECT_EQ(buffers.Drain(take), 0u);
}

}  // namespace
}  // namespace fedcarbon
