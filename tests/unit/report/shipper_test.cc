// One thread and a clock that the test moves.
#include "fedcarbon/report/shipper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "fedcarbon/report/batch_builder.h"
#include "tests/unit/random_seed.h"
#include "tests/unit/report/fake_coordinator.h"

namespace fedcarbon {
namespace {

using testing::AnyFate;
using testing::DirectTransport;
using ::testing::ElementsAre;
using testing::FakeCoordinator;
using testing::Fate;
using ::testing::IsEmpty;

constexpr uint64_t kShippedEpoch = 42;
const absl::Time kShippingStart = absl::FromUnixSeconds(1'790'000'000);

class ShipperTest : public ::testing::Test {
 protected:
  ShipperTest() : clock_(kShippingStart), coordinator_(&clock_), queue_(Bytes(1'000'000)) {}

  void Start(double random = 0.5) {
    StartWith([random] { return random; });
  }

  void StartWith(std::function<double()> random) {
    ShipperOptions options;
    options.node = "hospital-a";
    options.epoch = kShippedEpoch;
    options.random = std::move(random);
    shipper_.emplace(
        options, std::make_unique<DirectTransport>(&coordinator_), &queue_, &clock_,
        [this](Fact fact) { facts_.push_back(std::move(fact)); }, [this] { is_woken_ = true; });
  }

  void AppendBatch() {
    BatchBuilder builder(kMaxSealedBatchBytes);
    const uint64_t sequence = queue_.next();
    for (uint64_t i = 0; i < sequence; ++i) builder.Add(Span());  // batch n holds n facts
    ASSERT_TRUE(
        queue_.Append(builder.Seal({"hospital-a", kShippedEpoch, sequence}, {clock_.Now(), {}, ""})).ok());
  }
  void AppendBatches(int count) {
    for (int i = 0; i < count; ++i) AppendBatch();
  }

  /// Lets time pass from one step that is due to the next until all is acknowledged.
  void StepUntilDone() {
    for (int i = 0; i < 100'000; ++i) {
      shipper_->Step();
      if (shipper_->watermark() == queue_.next() - 1) return;
      if (!std::exchange(is_woken_, false))
        clock_.Advance(std::min(shipper_->UntilNextStep(), absl::Minutes(10)));
    }
    FAIL() << "stuck at batch " << shipper_->watermark() << " of " << queue_.next() - 1;
  }

  template <typename Kind>
  std::vector<Kind> Facts() const {
    std::vector<Kind> found;
    for (const Fact& fact : facts_) {
      if (const auto* held = std::get_if<Kind>(&fact)) found.push_back(*held);
    }
    return found;
  }

  ManualClock clock_;
  FakeCoordinator coordinator_;
  MemoryBatchQueue queue_;
  std::vector<Fact> facts_;
  bool is_woken_ = false;
  std::optional<Shipper> shipper_;
};

TEST_F(ShipperTest, SendsEveryBatchInOrderAndFreesIt) {
  Start();
  AppendBatches(100);
  StepUntilDone();
  EXPECT_EQ(coordinator_.committed().size(), 100u);
  EXPECT_EQ(coordinator_.received().size(), 100u) << "none twice";
  EXPECT_EQ(queue_.oldest(), 101u);
}

TEST_F(ShipperTest, EveryBatchIsCommittedOnceAndInOrderWhateverBreaks) {
  const uint64_t first_seed = RandomSeed();
  for (uint64_t seed = first_seed; seed < first_seed + 30; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    ManualClock clock(kShippingStart);
    FakeCoordinator coordinator(&clock);
    coordinator.SetFate([&](uint64_t) { return AnyFate(&random); });
    MemoryBatchQueue queue(Bytes(10'000'000));
    ShipperOptions options;
    options.node = "hospital-a";
    options.epoch = kShippedEpoch;
    options.random = [&] { return static_cast<double>(random() % 1'000) / 1'000; };
    Shipper shipper(
        options, std::make_unique<DirectTransport>(&coordinator), &queue, &clock, [](const Fact&) {}, [] {});
    std::map<uint64_t, std::string> sealed;
    for (int step = 0; sealed.size() < 200 || shipper.watermark() < 200; ++step) {
      ASSERT_LT(step, 100'000) << "stuck at batch " << shipper.watermark();
      for (uint64_t n = random() % 10; n > 0 && sealed.size() < 200; --n) {
        BatchBuilder builder(1'000);
        builder.Add(Span());
        const uint64_t sequence = queue.next();
        sealed[sequence] = builder.Seal({"hospital-a", kShippedEpoch, sequence},
                                        {clock.Now(), {}, std::to_string(random())});
        ASSERT_TRUE(queue.Append(sealed[sequence]).ok());
      }
      if (random() % 50 == 0) coordinator.RefuseGreetings(absl::UnavailableError("away"));
      if (random() % 5 == 0) coordinator.RefuseGreetings(std::nullopt);
      shipper.Step();
      clock.Advance(std::min(shipper.UntilNextStep(), absl::Seconds(1)));
    }
    EXPECT_EQ(coordinator.committed(), sealed);
    EXPECT_THAT(coordinator.given_up(), IsEmpty());
    EXPECT_EQ(shipper.refused(), 0u);
  }
}

TEST_F(ShipperTest, AtMostAWindowOfBatchesIsUnderWay) {
  coordinator_.SetFate([](uint64_t) { return Fate{true, false, {}}; });
  Start();
  AppendBatches(40);
  shipper_->Step();
  shipper_->Step();
  EXPECT_EQ(coordinator_.received().size(), 16u);
}

TEST_F(ShipperTest, LostAnswerIsMadeUpForByTheNextGreetingAndNothingIsSentTwice) {
  coordinator_.SetFate([](uint64_t) { return Fate{true, false, {}}; });
  Start();
  AppendBatches(3);
  StepUntilDone();
  EXPECT_THAT(coordinator_.received(), ElementsAre(1, 2, 3));
  EXPECT_EQ(coordinator_.greetings(), 2);
  EXPECT_GE(clock_.Now() - kShippingStart, absl::Seconds(30)) << "the answer timeout";
}

TEST_F(ShipperTest, GreetingWithoutAnswerIsGivenUpAndTriedAgain) {
  class Deaf : public Transport {
   public:
    explicit Deaf(int* opened) : opened_(opened) {}
    std::unique_ptr<ReportClientStream> Open(StreamListener*) override {
      ++*opened_;
      class Stream : public ReportClientStream {
        void Send(v1::ReportRequest) override {}
      };
      return std::make_unique<Stream>();
    }
    int* const opened_;
  };
  int opened = 0;
  ShipperOptions options;
  options.node = "hospital-a";
  options.epoch = kShippedEpoch;
  options.random = [] { return 0.5; };
  Shipper shipper(
      options, std::make_unique<Deaf>(&opened), &queue_, &clock_, [](const Fact&) {}, [] {});
  shipper.Step();
  EXPECT_EQ(shipper.UntilNextStep(), absl::Seconds(30));
  clock_.Advance(absl::Seconds(30));
  shipper.Step();
  clock_.Advance(shipper.UntilNextStep());
  shipper.Step();
  EXPECT_EQ(opened, 2);
}

TEST_F(ShipperTest, BackoffDoublesWithFullJitterUpToItsLimit) {
  coordinator_.RefuseGreetings(absl::UnavailableError("away"));
  Start(/*random=*/0.5);
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 9; ++i) {
    shipper_->Step();  // connects, and is told at once
    shipper_->Step();
    waits.push_back(shipper_->UntilNextStep());
    clock_.Advance(waits.back());
  }
  EXPECT_THAT(waits, ElementsAre(absl::Milliseconds(50), absl::Milliseconds(100), absl::Milliseconds(200),
                                 absl::Milliseconds(400), absl::Milliseconds(800), absl::Milliseconds(1'600),
                                 absl::Milliseconds(3'200), absl::Seconds(5), absl::Seconds(5)));
}

TEST_F(ShipperTest, HurryEndsTheWait) {
  coordinator_.RefuseGreetings(absl::UnavailableError("away"));
  Start(/*random=*/0.9);
  shipper_->Step();
  shipper_->Step();
  ASSERT_GT(shipper_->UntilNextStep(), absl::ZeroDuration());
  coordinator_.RefuseGreetings(std::nullopt);
  AppendBatches(1);
  shipper_->Hurry();
  shipper_->Step();
  shipper_->Step();
  EXPECT_EQ(coordinator_.committed().size(), 1u);
}

TEST_F(ShipperTest, BatchRefusedForEverBecomesAGapAndTheOthersArrive) {
  coordinator_.SetFate([](uint64_t sequence) {
    if (sequence == 5) return Fate{false, false, absl::InvalidArgumentError("malformed")};
    return Fate();
  });
  Start();
  AppendBatches(30);
  StepUntilDone();
  EXPECT_EQ(coordinator_.committed().size(), 29u);
  EXPECT_EQ(coordinator_.committed().count(5), 0u);
  EXPECT_THAT(coordinator_.given_up(), ElementsAre(5)) << "the coordinator knows of the hole";
  EXPECT_EQ(shipper_->refused(), 1u);
  const std::vector<Gap> gaps = Facts<Gap>();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].reason, v1::Gap::REASON_LOST_BATCHES);
  EXPECT_EQ(gaps[0].facts, 5u);
  EXPECT_EQ(gaps[0].from, kShippingStart);
}

TEST_F(ShipperTest, TheGapOfARefusedBatchCountsFactsOfEveryKind) {
  coordinator_.SetFate([](uint64_t) { return Fate{false, false, absl::InvalidArgumentError("malformed")}; });
  Start();
  BatchBuilder builder(kMaxSealedBatchBytes);
  for (const Fact& fact : {Fact(Connection()), Fact(Transfer()), Fact(Gap())}) ASSERT_TRUE(builder.Add(fact));
  ASSERT_TRUE(queue_.Append(builder.Seal({"hospital-a", kShippedEpoch, 1}, {clock_.Now(), {}, ""})).ok());
  StepUntilDone();
  const std::vector<Gap> gaps = Facts<Gap>();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].facts, 3u);
}

TEST_F(ShipperTest, NewerFormatIsKeptAndTriedAgainAfterALongTime) {
  bool is_updated = false;
  coordinator_.SetFate([&](uint64_t) {
    if (!is_updated) return Fate{false, false, absl::FailedPreconditionError("format 2")};
    return Fate();
  });
  Start(/*random=*/0.5);
  AppendBatches(3);
  while (coordinator_.received().empty()) shipper_->Step();
  shipper_->Step();
  EXPECT_EQ(shipper_->UntilNextStep(), absl::Seconds(90));
  EXPECT_EQ(queue_.oldest(), 1u);
  is_updated = true;
  StepUntilDone();
  EXPECT_EQ(coordinator_.committed().size(), 3u);
  EXPECT_EQ(shipper_->refused(), 0u);
}

TEST_F(ShipperTest, RefusedGreetingDropsNoBatch) {
  coordinator_.RefuseGreetings(absl::InvalidArgumentError("no such node"));
  Start();
  AppendBatches(1);
  shipper_->Step();
  shipper_->Step();
  EXPECT_GE(shipper_->UntilNextStep(), absl::Minutes(1));
  EXPECT_EQ(queue_.oldest(), 1u);
  EXPECT_EQ(shipper_->refused(), 0u);
}

TEST_F(ShipperTest, CoordinatorRestoredFromABackupLearnsTheOldestBatchStillHeld) {
  Start();
  AppendBatches(10);
  StepUntilDone();
  coordinator_.Restore(4);
  AppendBatches(1);  // its hole ends the stream with OUT_OF_RANGE
  StepUntilDone();
  EXPECT_THAT(coordinator_.given_up(), ElementsAre(5, 6, 7, 8, 9, 10));
  EXPECT_EQ(coordinator_.committed().count(11), 1u);
}

TEST_F(ShipperTest, BatchesThatTheCoordinatorHasAlreadyAreNotSent) {
  Start();
  AppendBatches(5);
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    v1::ReportRequest request;
    request.set_sealed_batch(*queue_.Read(sequence));
    coordinator_.Handle(request);
  }
  StepUntilDone();
  EXPECT_THAT(coordinator_.received(), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(ShipperTest, ClockFactHoldsOffsetAndRoundTripAndComesOncePerMinute) {
  coordinator_.SetClockAhead(absl::Seconds(5));
  Start();
  AppendBatches(1);
  StepUntilDone();
  for (int i = 0; i <= 120; ++i) {
    AppendBatch();
    StepUntilDone();
    clock_.Advance(absl::Seconds(1));
  }
  const std::vector<ClockReading> readings = Facts<ClockReading>();
  ASSERT_EQ(readings.size(), 3u) << "at the connection, after one minute and after two";
  for (const ClockReading& reading : readings) {
    EXPECT_EQ(reading.offset, absl::Seconds(5));
    EXPECT_EQ(reading.round_trip, absl::ZeroDuration());
  }
}

TEST_F(ShipperTest, AnswersOfASteppedClockGiveNoClockFact) {
  coordinator_.SetAnswerTakes(absl::Seconds(1));
  Start();
  AppendBatches(3);
  StepUntilDone();
  EXPECT_THAT(Facts<ClockReading>(), IsEmpty());
}

TEST_F(ShipperTest, GreetingsThatNobodyHeardAreCountedOnceSomebodyDoes) {
  coordinator_.RefuseGreetings(absl::UnavailableError("away"));
  Start();
  shipper_->Step();
  shipper_->Step();
  EXPECT_EQ(shipper_->TakeTraffic().first, Bytes(0));
  coordinator_.RefuseGreetings(std::nullopt);
  AppendBatches(1);
  StepUntilDone();
  EXPECT_EQ(shipper_->TakeTraffic().first, Bytes(coordinator_.request_bytes()));
}

TEST_F(ShipperTest, TrafficIsCountedByTheByte) {
  Start();
  AppendBatches(20);
  StepUntilDone();
  const auto [sent, received] = shipper_->TakeTraffic();
  EXPECT_EQ(sent, Bytes(coordinator_.request_bytes()));
  EXPECT_GT(received, Bytes(0));
  EXPECT_EQ(shipper_->TakeTraffic().first, Bytes(0));
}

}  // namespace
}  // namespace fedcarbon
