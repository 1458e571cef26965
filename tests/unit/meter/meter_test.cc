#include "fedcarbon/meter/meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "tests/unit/meter/collector.h"

namespace fedcarbon {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

absl::Status Created(const MeterOptions& options) {
  return Meter::Create(options, std::make_shared<Collector>()).status();
}

MeterOptions Named(const std::string& node) {
  MeterOptions options = ManualMeter::Options();
  options.node = node;
  return options;
}

std::string LongName(size_t size) {
  std::string name;
  while (name.size() < size) name += "a123456789.";
  name.resize(size, 'a');
  if (name.back() == '.') name.back() = 'a';
  return name;
}

TEST(MeterOptionsTest, ANodeIsALowerCaseDnsName) {
  for (const char* good : {"a", "hospital-a", "hospital-a.example.org", "0.1"}) {
    EXPECT_TRUE(Created(Named(good)).ok()) << good;
  }
  for (const char* bad : {"", "Hospital", "a..b", ".a", "a.", "-a", "a-", "a_b", "a b", "h\xC3\xB4pital"}) {
    const absl::Status status = Created(Named(bad));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), HasSubstr("lower-case DNS name"));
  }
  EXPECT_TRUE(Created(Named(LongName(253))).ok());
  EXPECT_FALSE(Created(Named(LongName(254))).ok());
  EXPECT_TRUE(Created(Named(std::string(63, 'a'))).ok());
  EXPECT_FALSE(Created(Named(std::string(64, 'a'))).ok());
}

TEST(MeterOptionsTest, ACountryIsAnIsoCodeOrUnknown) {
  MeterOptions options = ManualMeter::Options();
  for (const char* good : {"", "CHE"}) {
    options.description.set_country(good);
    EXPECT_TRUE(Created(options).ok()) << good;
  }
  for (const char* bad : {"CH", "CHEX", "che", "C1E", "XXX"}) {
    options.description.set_country(bad);
    const std::string message(Created(options).message());
    EXPECT_THAT(message, HasSubstr(absl::StrCat("country \"", bad,
                                                "\": use an ISO 3166-1 alpha-3 code, such as CHE")));
  }
}

TEST(MeterOptionsTest, PueLiesBetweenOneAndTen) {
  MeterOptions options = ManualMeter::Options();
  for (const uint32_t good : {1'000, 10'000}) {
    options.description.set_pue_thousandths(good);
    EXPECT_TRUE(Created(options).ok()) << good;
  }
  for (const uint32_t bad : {999, 10'001}) {
    options.description.set_pue_thousandths(bad);
    EXPECT_THAT(std::string(Created(options).message()), HasSubstr("PUE")) << bad;
  }
}

TEST(MeterOptionsTest, IntervalsHaveLowerLimits) {
  MeterOptions options = ManualMeter::Options();
  options.sample_interval = absl::Milliseconds(10);
  options.part_interval = absl::Nanoseconds(1);
  EXPECT_TRUE(Created(options).ok());
  options.sample_interval = absl::Milliseconds(10) - absl::Nanoseconds(1);
  EXPECT_THAT(std::string(Created(options).message()), HasSubstr("sample_interval"));
  options = ManualMeter::Options();
  options.part_interval = absl::ZeroDuration();
  EXPECT_THAT(std::string(Created(options).message()), HasSubstr("part_interval"));
}

TEST(MeterTest, DescribesItsNodeFirst) {
  MeterOptions options = ManualMeter::Options();
  options.description.set_country("CHE");
  auto sink = std::make_shared<Collector>();
  auto meter = *Meter::Create(options, sink);
  const auto nodes = sink->All<v1::Node>();
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0].country(), "CHE");
  EXPECT_THAT(nodes[0].software_version(), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_EQ(meter->node(), "hospital-a");
  EXPECT_TRUE(meter->enabled());
}

TEST(MeterTest, ARunHasARandomUuidAndEvents) {
  ManualMeter manual;
  const std::string run = manual.meter->StartRun("heart disease", 15);
  EXPECT_THAT(run, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(manual.meter->StartRun("heart disease", 15), run);
  manual.clock.Advance(absl::Seconds(9));
  manual.meter->EndRun(run, v1::OUTCOME_FAILED);
  const auto events = manual.sink->All<RunEvent>();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].run, run);
  EXPECT_EQ(events[0].name, "heart disease");
  EXPECT_EQ(events[0].planned_rounds, 15u);
  EXPECT_EQ(events[0].outcome, v1::OUTCOME_UNSPECIFIED);
  EXPECT_EQ(events[2].run, run);
  EXPECT_EQ(events[2].outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(events[2].time - events[0].time, absl::Seconds(9));
}

TEST(MeterTest, RoundZeroIsARoundAndAnUnknownRoundHasNoEvents) {
  ManualMeter manual;
  manual.meter->StartRound({"run", 0});
  manual.meter->EndRound({"run", 0}, v1::OUTCOME_COMPLETED);
  manual.meter->StartRound({"run", std::nullopt});
  manual.meter->EndRound({"", 3}, v1::OUTCOME_COMPLETED);
  const auto events = manual.sink->All<RoundEvent>();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].round, 0u);
  EXPECT_EQ(events[0].outcome, v1::OUTCOME_UNSPECIFIED);
  EXPECT_EQ(events[1].outcome, v1::OUTCOME_COMPLETED);
}

TEST(RoundScopeTest, TheInnermostScopeCounts) {
  EXPECT_EQ(RoundScope::Current(), RoundId{});
  {
    const RoundScope outer({"run", 0});
    EXPECT_EQ(RoundScope::Current(), (RoundId{"run", 0}));
    {
      const RoundScope inner({"run", 1});
      EXPECT_EQ(RoundScope::Current(), (RoundId{"run", 1}));
    }
    EXPECT_EQ(RoundScope::Current(), (RoundId{"run", 0}));
  }
  EXPECT_EQ(RoundScope::Current(), RoundId{});
}

TEST(RoundScopeTest, AnotherThreadIsInNoScopeUntilItIsHandedOne) {
  const RoundScope scope({"run", 3});
  RoundId without;
  RoundId with;
  std::thread([&, current = RoundScope::Current()] {
    without = RoundScope::Current();
    const RoundScope handed_on(current);
    with = RoundScope::Current();
  }).join();
  EXPECT_EQ(without, RoundId{});
  EXPECT_EQ(with, (RoundId{"run", 3}));
}

TEST(ComputeSpanTest, ASpanHasKindRoundWallTimeAndOutcome) {
  ManualMeter manual;
  const absl::Time start = manual.clock.Now();
  {
    const RoundScope scope({"run", 0});
    const ComputeSpan span(manual.meter, v1::SPAN_KIND_TRAIN);
    manual.clock.Advance(absl::Seconds(4));
    manual.clock.StepWall(-absl::Hours(1));
  }
  const auto spans = manual.sink->All<Span>();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(spans[0].round, (RoundId{"run", 0}));
  EXPECT_EQ(spans[0].start, start);
  EXPECT_EQ(spans[0].wall, absl::Seconds(4));
  EXPECT_EQ(spans[0].outcome, v1::OUTCOME_COMPLETED);
}

TEST(ComputeSpanTest, AnExceptionEndsItAsFailed) {
  ManualMeter manual;
  try {
    const ComputeSpan span(manual.meter, v1::SPAN_KIND_TRAIN);
    throw std::runtime_error("diverged");
  } catch (const std::runtime_error&) {
    const ComputeSpan span(manual.meter, v1::SPAN_KIND_OTHER);  // opened while one is handled: not failed
  }
  const auto spans = manual.sink->All<Span>();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(spans[1].outcome, v1::OUTCOME_COMPLETED);
}

struct SpansWhileItIsDestroyed {
  explicit SpansWhileItIsDestroyed(std::shared_ptr<Meter> meter) : meter(std::move(meter)) {}
  ~SpansWhileItIsDestroyed() { const ComputeSpan span(meter, v1::SPAN_KIND_OTHER); }
  const std::shared_ptr<Meter> meter;
};

TEST(ComputeSpanTest, WorkDoneWhileAnExceptionPassesIsNotFailed) {
  ManualMeter manual;
  try {
    const SpansWhileItIsDestroyed cleanup(manual.meter);
    throw std::runtime_error("diverged");
  } catch (const std::runtime_error&) {
  }
  ASSERT_EQ(manual.sink->All<Span>().size(), 1u);
  EXPECT_EQ(manual.sink->All<Span>()[0].outcome, v1::OUTCOME_COMPLETED);
}

TEST(ComputeSpanTest, EndsOnceAlsoOnAnotherThread) {
  ManualMeter manual;
  {
    ComputeSpan span(manual.meter, v1::SPAN_KIND_UNSPECIFIED);
    std::thread([&] { span.End(v1::OUTCOME_ABANDONED); }).join();
    span.End();
  }
  const auto spans = manual.sink->All<Span>();
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].kind, v1::SPAN_KIND_OTHER);
  EXPECT_EQ(spans[0].outcome, v1::OUTCOME_ABANDONED);
}

TEST(ComputeSpanTest, OutlivesItsMeter) {
  ManualMeter manual;
  {
    const ComputeSpan span(manual.meter, v1::SPAN_KIND_TRAIN);
    manual.meter.reset();
  }
  EXPECT_EQ(manual.sink->All<Span>().size(), 1u);
}

TEST(MeterTest, CountersBecomeOverheadAndGapsAtASample) {
  ManualMeter manual;
  manual.meter->Sample();
  const absl::Time from = manual.clock.Now();
  const auto& recorder = manual.meter->recorder();
  recorder->AddContextBytes(Bytes(56));
  recorder->AddContextBytes(Bytes(20));
  recorder->CountBadContext();
  recorder->CountUnsizedMessage();
  recorder->CountUnsizedMessage();
  manual.clock.Advance(absl::Seconds(1));
  manual.meter->Sample();
  manual.clock.Advance(absl::Seconds(1));
  manual.meter->Sample();  // nothing new: no facts

  const auto overheads = manual.sink->All<Overhead>();
  ASSERT_EQ(overheads.size(), 1u);
  EXPECT_EQ(overheads[0].context, Bytes(76));
  EXPECT_EQ(overheads[0].start, from);
  EXPECT_EQ(overheads[0].wall, absl::Seconds(1));
  const auto gaps = manual.sink->All<Gap>();
  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].reason, v1::Gap::REASON_BAD_CONTEXT);
  EXPECT_EQ(gaps[0].facts, 1u);
  EXPECT_EQ(gaps[0].from, from);
  EXPECT_EQ(gaps[0].to, from + absl::Seconds(1));
  EXPECT_EQ(gaps[1].reason, v1::Gap::REASON_UNSIZED_MESSAGE);
  EXPECT_EQ(gaps[1].facts, 2u);
}

TEST(MeterTest, TheEndRecordsWhatIsLeft) {
  ManualMeter manual;
  manual.meter->recorder()->AddContextBytes(Bytes(56));
  manual.cpu.Use(absl::Seconds(2));
  manual.meter.reset();
  EXPECT_EQ(manual.sink->All<Overhead>().size(), 1u);
  ASSERT_EQ(manual.sink->All<Usage>().size(), 1u);
  EXPECT_EQ(manual.sink->All<Usage>()[0].cpu, absl::Seconds(2));
}

TEST(MeterTest, TheSamplingThreadSamplesByItself) {
  MeterOptions options = ManualMeter::Options();
  options.sample_interval = absl::Milliseconds(10);
  auto sink = std::make_shared<Collector>();
  auto meter = *Meter::Create(options, sink);
  meter->recorder()->AddContextBytes(Bytes(56));
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (sink->All<Overhead>().empty() && absl::Now() < deadline) std::this_thread::yield();
  EXPECT_EQ(sink->All<Overhead>().size(), 1u);
}

TEST(DisabledMeterTest, AcceptsEverythingAndRecordsNothing) {
  const auto meter = Meter::Disabled();
  EXPECT_FALSE(meter->enabled());
  EXPECT_EQ(meter->node(), "");
  const std::string run = meter->StartRun("name", 1);
  EXPECT_EQ(run.size(), 36u);
  const RoundScope scope({run, 0});
  meter->StartRound({run, 0});
  ComputeSpan span(meter, v1::SPAN_KIND_TRAIN);
  auto call = meter->StartCall({});
  call->OnMessage(Direction::kSent, {Bytes(1), std::nullopt, v1::COUNT_KIND_SERIALIZED});
  call->SetRound({run, 0});
  EXPECT_EQ(call->WholeCallRound(), RoundId{});
  call->End(0);
  span.End();
  meter->EndRound({run, 0}, v1::OUTCOME_COMPLETED);
  meter->EndRun(run, v1::OUTCOME_COMPLETED);
  meter->Sample();
}

}  // namespace
}  // namespace fedcarbon
