// Who is charged for the processor: on manual clocks rule by rule, then against the kernel's own account.
#include "fedcarbon/meter/usage_book.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/meter/meter.h"
#include "tests/unit/meter/collector.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon {
namespace {

using Key = std::pair<v1::SpanKind, RoundId>;
using Booked = std::map<Key, absl::Duration>;

const RoundId kNone;
const RoundId kFirstRound{"run", 0};
const RoundId kSecondRound{"run", 1};
const RoundId kRound2{"run", 2};

Booked Sum(const Collector& sink) {
  Booked booked;
  for (const Usage& usage : sink.All<Usage>()) booked[{usage.kind, usage.round}] += usage.cpu;
  return booked;
}

absl::Duration Total(const Collector& sink) {
  absl::Duration total;
  for (const Usage& usage : sink.All<Usage>()) total += usage.cpu;
  return total;
}

class UsageTest : public testing::Test {
 protected:
  std::unique_ptr<ComputeSpan> Open(v1::SpanKind kind, const RoundId& round) {
    const RoundScope scope(round);
    return std::make_unique<ComputeSpan>(manual_.meter, kind);
  }
  std::unique_ptr<ComputeSpan> OpenOnAnotherThread(v1::SpanKind kind, const RoundId& round) {
    std::unique_ptr<ComputeSpan> span;
    std::thread([&] { span = Open(kind, round); }).join();
    return span;
  }
  std::shared_ptr<CallObserver> Serve(const RoundId& round) {
    CallStart start;
    start.end = v1::END_SERVER;
    start.round = round;
    return manual_.meter->StartCall(start);
  }
  void Use(absl::Duration time) { manual_.cpu.Use(time); }
  Booked Sampled() {
    manual_.meter->Sample();
    return Sum(*manual_.sink);
  }

  ManualMeter manual_;
};

TEST_F(UsageTest, TheOnlySpanGetsAllOfItsSliceAndNoneOfTheRest) {
  Use(absl::Seconds(1));
  auto train = Open(v1::SPAN_KIND_TRAIN, kFirstRound);
  Use(absl::Seconds(5));
  train.reset();
  Use(absl::Seconds(2));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_TRAIN, kFirstRound}, absl::Seconds(5)},
                               {{v1::SPAN_KIND_OTHER, kNone}, absl::Seconds(3)}}));
}

TEST_F(UsageTest, AChildTakesItsParentsShareWhileItIsOpen) {
  auto parent = Open(v1::SPAN_KIND_AGGREGATE, kFirstRound);
  Use(absl::Seconds(1));
  auto child = Open(v1::SPAN_KIND_EVALUATE, kFirstRound);
  Use(absl::Seconds(10));
  child.reset();
  Use(absl::Seconds(1));
  parent.reset();
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_AGGREGATE, kFirstRound}, absl::Seconds(2)},
                               {{v1::SPAN_KIND_EVALUATE, kFirstRound}, absl::Seconds(10)}}));
}

TEST_F(UsageTest, AParentThatEndsFirstLeavesTheChildItsShare) {
  auto parent = Open(v1::SPAN_KIND_AGGREGATE, kFirstRound);
  auto child = Open(v1::SPAN_KIND_EVALUATE, kFirstRound);
  parent.reset();
  Use(absl::Seconds(3));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_EVALUATE, kFirstRound}, absl::Seconds(3)}}));
}

TEST_F(UsageTest, SpansOfDifferentThreadsShareEqually) {
  auto here = Open(v1::SPAN_KIND_TRAIN, kFirstRound);
  auto there = OpenOnAnotherThread(v1::SPAN_KIND_TRAIN, kSecondRound);
  Use(absl::Seconds(6));
  auto child = Open(v1::SPAN_KIND_EVALUATE, kFirstRound);
  Use(absl::Seconds(4));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_TRAIN, kFirstRound}, absl::Seconds(3)},
                               {{v1::SPAN_KIND_TRAIN, kSecondRound}, absl::Seconds(5)},
                               {{v1::SPAN_KIND_EVALUATE, kFirstRound}, absl::Seconds(2)}}));
}

TEST_F(UsageTest, AServeSpanTakesNothingWhileAnotherIsOpen) {
  auto handler = OpenOnAnotherThread(v1::SPAN_KIND_SERVE, kFirstRound);
  Use(absl::Seconds(1));
  auto train = Open(v1::SPAN_KIND_TRAIN, kSecondRound);
  auto inside = Open(v1::SPAN_KIND_SERVE, kSecondRound);  // not even as its child
  Use(absl::Seconds(5));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_SERVE, kFirstRound}, absl::Seconds(1)},
                               {{v1::SPAN_KIND_TRAIN, kSecondRound}, absl::Seconds(5)}}));
}

TEST_F(UsageTest, ServedCallsTakeNothingWhileASpanIsOpen) {
  auto call = Serve(kFirstRound);
  auto train = Open(v1::SPAN_KIND_TRAIN, kSecondRound);
  Use(absl::Seconds(5));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_TRAIN, kSecondRound}, absl::Seconds(5)}}));
}

TEST_F(UsageTest, WithoutASpanTheRoundsOfOpenCallsShareEqually) {
  auto first = Serve(kFirstRound);
  auto second = Serve(kFirstRound);  // the same round: one share
  auto third = Serve(kNone);
  third->SetRound(kSecondRound);
  auto nameless = Serve(kNone);
  Use(absl::Seconds(8));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_SERVE, kFirstRound}, absl::Seconds(4)},
                               {{v1::SPAN_KIND_SERVE, kSecondRound}, absl::Seconds(4)}}));
}

TEST_F(UsageTest, ACallServedSinceTheLastSliceCountsOnce) {
  Serve(kFirstRound)->End(0);
  Use(absl::Seconds(2));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_SERVE, kFirstRound}, absl::Seconds(2)}}));
  Use(absl::Seconds(3));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_SERVE, kFirstRound}, absl::Seconds(2)},
                               {{v1::SPAN_KIND_OTHER, kNone}, absl::Seconds(3)}}));
}

TEST_F(UsageTest, ACallServedDuringASpanIsNotServedAfterIt) {
  auto train = Open(v1::SPAN_KIND_TRAIN, kSecondRound);
  Serve(kFirstRound)->End(0);
  train.reset();
  Use(absl::Seconds(2));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_OTHER, kNone}, absl::Seconds(2)}}));
}

TEST_F(UsageTest, ServedCallsWithoutARoundAreServedWithoutARound) {
  auto call = Serve(kNone);
  Use(absl::Seconds(2));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_SERVE, kNone}, absl::Seconds(2)}}));
}

TEST_F(UsageTest, AClientsCallIsNotServed) {
  CallStart start;
  start.end = v1::END_CLIENT;
  start.round = kFirstRound;
  auto call = manual_.meter->StartCall(start);
  start.round = kNone;
  auto named_later = manual_.meter->StartCall(start);
  named_later->SetRound(kSecondRound);
  Use(absl::Seconds(2));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_OTHER, kNone}, absl::Seconds(2)}}));
}

TEST_F(UsageTest, OwnThreadsAreTakenOutFirst) {
  auto train = Open(v1::SPAN_KIND_TRAIN, kFirstRound);
  Use(absl::Seconds(8));
  manual_.cpu.UseInOwnThreads(absl::Seconds(2));
  EXPECT_EQ(Sampled(), (Booked{{{v1::SPAN_KIND_TRAIN, kFirstRound}, absl::Seconds(8)},
                               {{v1::SPAN_KIND_FEDCARBON, kNone}, absl::Seconds(2)}}));
}

TEST_F(UsageTest, AnIntervalReachesFromSampleToSample) {
  manual_.clock.Advance(absl::Seconds(1));
  manual_.meter->Sample();
  const absl::Time start = manual_.clock.Now();
  Use(absl::Seconds(1));
  manual_.clock.Advance(absl::Seconds(3));
  manual_.meter->Sample();
  const auto usages = manual_.sink->All<Usage>();
  ASSERT_EQ(usages.size(), 1u);
  EXPECT_EQ(usages[0].start, start);
  EXPECT_EQ(usages[0].wall, absl::Seconds(3));
}

TEST_F(UsageTest, NoCpuTimeIsNoFact) {
  auto asleep = Open(v1::SPAN_KIND_TRAIN, kFirstRound);
  manual_.clock.Advance(absl::Hours(1));
  EXPECT_TRUE(Sampled().empty());
}

TEST_F(UsageTest, MicrosecondsSumToTheProcessWhateverTheShares) {
  std::mt19937 random(RandomSeed());
  std::vector<std::unique_ptr<ComputeSpan>> spans;
  absl::Duration used;
  const std::vector<v1::SpanKind> kinds = {v1::SPAN_KIND_TRAIN, v1::SPAN_KIND_EVALUATE, v1::SPAN_KIND_SERVE};
  for (int step = 0; step < 500; ++step) {
    const absl::Duration time = absl::Nanoseconds(random() % 5'000);
    used += time;
    if (random() % 5 == 0) {
      manual_.cpu.UseInOwnThreads(time);
    } else {
      Use(time);
    }
    const v1::SpanKind kind = kinds[random() % kinds.size()];
    const RoundId round{"run", random() % 4};
    switch (random() % 4) {
      case 0:
        spans.push_back(Open(kind, round));
        break;
      case 1:
        spans.push_back(OpenOnAnotherThread(kind, round));
        break;
      case 2:
        if (!spans.empty()) spans.erase(spans.begin() + random() % spans.size());
        break;
      default:
        manual_.meter->Sample();
    }
    ASSERT_LE(Total(*manual_.sink), used);
  }
  manual_.meter->Sample();
  EXPECT_LT(used - Total(*manual_.sink), absl::Microseconds(1));
}

// Against the kernel.

absl::Duration KernelAccount() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

// Uses at least this much processor time on the calling thread.
void Burn(absl::Duration time) {
  timespec now;
  const auto used = [&] {
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return absl::DurationFromTimespec(now);
  };
  const absl::Duration until = used() + time;
  while (used() < until) {
  }
}

TEST(UsageOfTheProcessTest, AgreesWithTheKernelWithinTwoPercent) {
  auto sink = std::make_shared<Collector>();
  MeterOptions options = ManualMeter::Options();
  options.sample_interval = absl::Milliseconds(20);
  const absl::Duration before = KernelAccount();
  auto meter = *Meter::Create(options, sink);
  {
    const RoundScope scope(kFirstRound);
    const ComputeSpan outer(meter, v1::SPAN_KIND_AGGREGATE);
    std::thread overlapping([&meter] {
      const RoundScope handed_on(kSecondRound);
      const ComputeSpan span(meter, v1::SPAN_KIND_TRAIN);
      Burn(absl::Milliseconds(200));
    });
    Burn(absl::Milliseconds(100));
    {
      const ComputeSpan nested(meter, v1::SPAN_KIND_EVALUATE);
      Burn(absl::Milliseconds(100));
    }
    overlapping.join();
  }
  Burn(absl::Milliseconds(100));
  meter.reset();
  const absl::Duration kernel = KernelAccount() - before;
  EXPECT_GE(kernel, absl::Milliseconds(500));
  EXPECT_LE(absl::AbsDuration(Total(*sink) - kernel), kernel * 0.02);
}

TEST(UsageOfTheProcessTest, HandlersAsleepCostAboutNothing) {
  auto sink = std::make_shared<Collector>();
  auto meter = *Meter::Create(ManualMeter::Options(), sink);
  Mutex mutex;
  CondVar changed;
  bool release = false;
  std::vector<std::thread> handlers;
  for (int i = 0; i < 8; ++i) {
    handlers.emplace_back([&] {
      const RoundScope scope(kFirstRound);
      const ComputeSpan span(meter, v1::SPAN_KIND_SERVE);
      MutexLock lock(&mutex);
      while (!release) changed.Wait(&mutex);
    });
  }
  {
    const RoundScope scope(kSecondRound);
    const ComputeSpan span(meter, v1::SPAN_KIND_TRAIN);
    Burn(absl::Milliseconds(300));
  }
  {
    MutexLock lock(&mutex);
    release = true;
  }
  changed.NotifyAll();
  for (std::thread& handler : handlers) handler.join();
  meter.reset();
  Booked booked = Sum(*sink);
  EXPECT_GE((booked[{v1::SPAN_KIND_TRAIN, kSecondRound}]), absl::Milliseconds(290));
  EXPECT_LE((booked[{v1::SPAN_KIND_SERVE, kFirstRound}]), absl::Milliseconds(15));
  EXPECT_EQ(sink->All<Span>().size(), 9u);
}

TEST(UsageOfTheProcessTest, OwnThreadsAreBookedApart) {
  auto sink = std::make_shared<Collector>();
  auto meter = *Meter::Create(ManualMeter::Options(), sink);
  const ComputeSpan span(meter, v1::SPAN_KIND_TRAIN);
  std::thread([] {
    const OwnThread own;
    Burn(absl::Milliseconds(300));
  }).join();
  meter->Sample();
  Booked booked = Sum(*sink);
  EXPECT_GE((booked[{v1::SPAN_KIND_FEDCARBON, kNone}]), absl::Milliseconds(295));
  EXPECT_LE((booked[{v1::SPAN_KIND_TRAIN, kNone}]), absl::Milliseconds(15));
}

TEST(UsageOfTheProcessTest, AProgramOfOurOwnIsBookedAsFedcarbonToTheLastMicrosecond) {
  auto sink = std::make_shared<Collector>();
  auto meter = *Meter::Create(ManualMeter::Options(), sink, Clock::System(), CpuClock::SystemAllOwn());
  CallStart start;
  start.end = v1::END_SERVER;
  auto served = meter->StartCall(start);
  for (int i = 0; i < 20; ++i) {
    const ComputeSpan span(meter, v1::SPAN_KIND_TRAIN);
    std::thread([] { Burn(absl::Milliseconds(2)); }).join();
    Burn(absl::Milliseconds(2));
    meter->Sample();
  }
  const Booked booked = Sum(*sink);
  ASSERT_EQ(booked.size(), 1u);
  EXPECT_EQ(booked.begin()->first, Key(v1::SPAN_KIND_FEDCARBON, kNone));
  EXPECT_GE(booked.begin()->second, absl::Milliseconds(80));
}

// A sink that costs something, as sealing does.
class CostlySink : public Collector {
 public:
  void Record(Fact fact) override {
    if (std::holds_alternative<Overhead>(fact)) Burn(absl::Milliseconds(100));
    Collector::Record(std::move(fact));
  }
};

TEST(UsageOfTheProcessTest, WhatTheSamplingThreadUsesIsFedcarbons) {
  auto sink = std::make_shared<CostlySink>();
  MeterOptions options = ManualMeter::Options();
  options.sample_interval = absl::Milliseconds(10);
  auto meter = *Meter::Create(options, sink);
  meter->recorder()->AddContextBytes(Bytes(56));
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (sink->All<Overhead>().empty() && absl::Now() < deadline) std::this_thread::yield();
  meter.reset();
  EXPECT_GE((Sum(*sink)[{v1::SPAN_KIND_FEDCARBON, kNone}]), absl::Milliseconds(95));
}

}  // namespace
}  // namespace fedcarbon
