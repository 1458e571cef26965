#include "node/local/local_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fedcarbon/meter/fact_recorder.h"
#include "tests/unit/meter/collector.h"

namespace fedcarbon::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kExhausted = absl::StatusCode::kResourceExhausted;

const RoundId kNothing;
const RoundId kRun{"study", std::nullopt};
const RoundId kRound{"study", 7};

v1::LocalEvent BeginRun(const std::string& run, bool opens = false, const std::string& name = "") {
  v1::LocalEvent event;
  event.mutable_begin_run()->set_run(run);
  event.mutable_begin_run()->set_opens(opens);
  event.mutable_begin_run()->set_name(name);
  event.mutable_begin_run()->set_planned_rounds(12);
  return event;
}

v1::LocalEvent EndRun(v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED) {
  v1::LocalEvent event;
  event.mutable_end_run()->set_outcome(outcome);
  return event;
}

v1::LocalEvent BeginRound(uint64_t round) {
  v1::LocalEvent event;
  event.mutable_begin_round()->set_round(round);
  return event;
}

v1::LocalEvent EndRound(v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED) {
  v1::LocalEvent event;
  event.mutable_end_round()->set_outcome(outcome);
  return event;
}

v1::LocalEvent BeginSpan(v1::SpanKind kind, std::optional<uint64_t> cpu_us = std::nullopt) {
  v1::LocalEvent event;
  event.mutable_begin_span()->set_kind(kind);
  if (cpu_us.has_value()) event.mutable_begin_span()->set_cpu_us(*cpu_us);
  return event;
}

v1::LocalEvent EndSpan(std::optional<uint64_t> cpu_us = std::nullopt,
                       v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED) {
  v1::LocalEvent event;
  event.mutable_end_span()->set_outcome(outcome);
  if (cpu_us.has_value()) event.mutable_end_span()->set_cpu_us(*cpu_us);
  return event;
}

class LocalSessionTest : public ::testing::Test {
 protected:
  void Take(const v1::LocalEvent& event) {
    const absl::Status status = session_.Take(event);
    EXPECT_TRUE(status.ok()) << status << " for " << event.ShortDebugString();
  }

  /// Refused, with a message that names `what`, and without effect.
  void Refuse(const v1::LocalEvent& event, absl::StatusCode code, const std::string& what) {
    const size_t facts = meter_.sink->size();
    const RoundId current = rounds_.Current();
    const absl::Status status = session_.Take(event);
    EXPECT_EQ(status.code(), code) << event.ShortDebugString();
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
    EXPECT_EQ(meter_.sink->size(), facts);
    EXPECT_EQ(rounds_.Current(), current);
  }

  std::vector<Span> Spans() const { return meter_.sink->All<Span>(); }
  std::vector<Usage> Usages() const { return meter_.sink->All<Usage>(); }
  std::vector<RunEvent> RunEvents() const { return meter_.sink->All<RunEvent>(); }
  std::vector<RoundEvent> RoundEvents() const { return meter_.sink->All<RoundEvent>(); }

  ManualMeter meter_;
  OpenRounds rounds_;
  LocalSession session_{meter_.meter, &rounds_};
};

TEST_F(LocalSessionTest, TellsOfSpansAndTheirProcessorTime) {
  Take(BeginRun("study"));
  Take(BeginRound(7));
  const absl::Time start = meter_.clock.Now();
  Take(BeginSpan(v1::SPAN_KIND_TRAIN, 5'000));
  meter_.clock.Advance(absl::Seconds(30));
  Take(EndSpan(20'005'000));
  Take(EndRound());
  Take(EndRun());

  ASSERT_THAT(Spans(), SizeIs(1));
  const Span span = Spans()[0];
  EXPECT_EQ(span.kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(span.round, kRound);
  EXPECT_EQ(span.start, start);
  EXPECT_EQ(span.wall, absl::Seconds(30));
  EXPECT_EQ(span.outcome, v1::OUTCOME_COMPLETED);
  ASSERT_THAT(Usages(), SizeIs(1));
  const Usage usage = Usages()[0];
  EXPECT_EQ(usage.kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(usage.round, kRound);
  EXPECT_EQ(usage.start, start);
  EXPECT_EQ(usage.wall, absl::Seconds(30));
  EXPECT_EQ(usage.cpu, absl::Seconds(20));
  EXPECT_EQ(usage.accelerator, absl::ZeroDuration());
}

TEST_F(LocalSessionTest, RoundsAreOpenForTheTrafficBetweenTheirEvents) {
  EXPECT_EQ(rounds_.Current(), kNothing);
  Take(BeginRun("study"));
  EXPECT_EQ(rounds_.Current(), kRun);
  Take(BeginRound(7));
  EXPECT_EQ(rounds_.Current(), kRound);
  Take(EndRound());
  EXPECT_EQ(rounds_.Current(), kRun);
  Take(EndRun());
  EXPECT_EQ(rounds_.Current(), kNothing);
}

// A run is ended by whoever ends it first.
TEST_F(LocalSessionTest, OnlyWhoOpensARunTellsOfIt) {
  Take(BeginRun("study"));
  Take(BeginRound(7));
  Take(EndRound(v1::OUTCOME_FAILED));
  Take(EndRun(v1::OUTCOME_FAILED));
  EXPECT_THAT(RunEvents(), IsEmpty());
  EXPECT_THAT(RoundEvents(), IsEmpty());

  const absl::Time start = meter_.clock.Now();
  Take(BeginRun("study", true, "Heart disease"));
  Take(BeginRound(7));
  meter_.clock.Advance(absl::Seconds(1));
  Take(EndRound());
  Take(EndRun(v1::OUTCOME_ABANDONED));
  Take(BeginRun("study"));
  Take(EndRun());
  ASSERT_THAT(RunEvents(), SizeIs(2));
  EXPECT_EQ(RunEvents()[0].run, "study");
  EXPECT_EQ(RunEvents()[0].time, start);
  EXPECT_EQ(RunEvents()[0].outcome, v1::OUTCOME_UNSPECIFIED);
  EXPECT_EQ(RunEvents()[0].name, "Heart disease");
  EXPECT_EQ(RunEvents()[0].planned_rounds, 12u);
  EXPECT_EQ(RunEvents()[1].outcome, v1::OUTCOME_ABANDONED);
  ASSERT_THAT(RoundEvents(), SizeIs(2));
  EXPECT_EQ(RoundEvents()[0].round, 7u);
  EXPECT_EQ(RoundEvents()[0].outcome, v1::OUTCOME_UNSPECIFIED);
  EXPECT_EQ(RoundEvents()[1].time, start + absl::Seconds(1));
  EXPECT_EQ(RoundEvents()[1].outcome, v1::OUTCOME_COMPLETED);
}

TEST_F(LocalSessionTest, ASpanBelongsToWhatWasOpenWhenItBegan) {
  Take(BeginSpan(v1::SPAN_KIND_UNSPECIFIED));
  Take(BeginRun("study"));
  Take(BeginSpan(v1::SPAN_KIND_EVALUATE));
  Take(BeginRound(7));
  Take(BeginSpan(v1::SPAN_KIND_AGGREGATE));
  Take(EndRound());
  Take(EndRun());
  Take(EndSpan());
  Take(EndSpan(std::nullopt, v1::OUTCOME_FAILED));
  Take(EndSpan());
  ASSERT_THAT(Spans(), SizeIs(3));
  EXPECT_EQ(Spans()[0].round, kRound);
  EXPECT_EQ(Spans()[0].kind, v1::SPAN_KIND_AGGREGATE);
  EXPECT_EQ(Spans()[1].round, kRun);
  EXPECT_EQ(Spans()[1].outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(Spans()[2].round, kNothing);
  EXPECT_EQ(Spans()[2].kind, v1::SPAN_KIND_OTHER);
  EXPECT_EQ(Spans()[2].outcome, v1::OUTCOME_COMPLETED);
}

TEST_F(LocalSessionTest, ProcessorTimeIsTheInnermostSpans) {
  Take(BeginSpan(v1::SPAN_KIND_TRAIN, 1'000));
  Take(BeginSpan(v1::SPAN_KIND_EVALUATE, 1'300));
  Take(EndSpan(1'350));
  Take(EndSpan(1'390));
  Take(BeginSpan(v1::SPAN_KIND_OTHER, 9'000));  // what lies between is no span's
  Take(EndSpan(9'000));
  const std::vector<Usage> usages = Usages();
  ASSERT_THAT(usages, SizeIs(3));
  EXPECT_EQ(usages[0].kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(usages[0].cpu, absl::Microseconds(300));
  EXPECT_EQ(usages[1].kind, v1::SPAN_KIND_EVALUATE);
  EXPECT_EQ(usages[1].cpu, absl::Microseconds(50));
  EXPECT_EQ(usages[2].kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(usages[2].cpu, absl::Microseconds(40));
}

TEST_F(LocalSessionTest, ProcessorTimeWithoutBothReadingsIsUnknown) {
  Take(BeginSpan(v1::SPAN_KIND_TRAIN, 1'000));
  Take(BeginSpan(v1::SPAN_KIND_EVALUATE));
  Take(EndSpan(1'500));
  Take(EndSpan());
  EXPECT_THAT(Spans(), SizeIs(2));
  EXPECT_THAT(Usages(), IsEmpty());
}

TEST_F(LocalSessionTest, TheEndOfASessionEndsWhatIsOpen) {
  Take(BeginRun("study", true));
  Take(BeginRound(7));
  Take(BeginSpan(v1::SPAN_KIND_TRAIN, 1'000));
  Take(BeginSpan(v1::SPAN_KIND_EVALUATE, 2'000));
  meter_.clock.Advance(absl::Seconds(2));
  session_.End(v1::OUTCOME_FAILED);
  session_.End(v1::OUTCOME_ABANDONED);

  ASSERT_THAT(Spans(), SizeIs(2));
  EXPECT_EQ(Spans()[0].kind, v1::SPAN_KIND_EVALUATE);
  EXPECT_EQ(Spans()[1].kind, v1::SPAN_KIND_TRAIN);
  for (const Span& span : Spans()) {
    EXPECT_EQ(span.outcome, v1::OUTCOME_FAILED);
    EXPECT_EQ(span.wall, absl::Seconds(2));
  }
  ASSERT_THAT(Usages(), SizeIs(1));  // what was read before
  EXPECT_EQ(Usages()[0].cpu, absl::Microseconds(1'000));
  ASSERT_THAT(RoundEvents(), SizeIs(2));
  EXPECT_EQ(RoundEvents()[1].outcome, v1::OUTCOME_FAILED);
  ASSERT_THAT(RunEvents(), SizeIs(2));
  EXPECT_EQ(RunEvents()[1].outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(rounds_.Current(), kNothing);
}

TEST_F(LocalSessionTest, RefusesWhatComesOutOfOrder) {
  Refuse(EndRun(), kInvalid, "no run has begun");
  Refuse(BeginRound(1), kInvalid, "send BeginRun before BeginRound");
  Refuse(EndRound(), kInvalid, "no round has begun");
  Refuse(EndSpan(), kInvalid, "no span has begun");
  Take(BeginRun("study", true));
  Refuse(BeginRun("another"), kInvalid, "run study has begun");
  Take(BeginRound(7));
  Refuse(BeginRound(8), kInvalid, "round 7 has begun");
  Refuse(EndRun(), kInvalid, "round 7 is open");
  Take(EndRound());
  Take(EndRun());
}

TEST_F(LocalSessionTest, RefusesAnEventThatSaysNothing) {
  Refuse(v1::LocalEvent(), kInvalid, "fields 1 to 6");
}

TEST_F(LocalSessionTest, RunsAreNamedByIds) {
  Refuse(BeginRun(""), kInvalid, "the run's id");
  Refuse(BeginRun("a study"), kInvalid, "1 to 64 letters");
  Refuse(BeginRun(std::string(65, 'r')), kInvalid, "1 to 64 letters");
  Take(BeginRun(std::string(64, 'r')));
  EXPECT_EQ(rounds_.Current().run, std::string(64, 'r'));
}

TEST_F(LocalSessionTest, NamesOfRunsHaveALimit) {
  Refuse(BeginRun("study", true, std::string(257, 'n')), kInvalid, "257 bytes");
  Take(BeginRun("study", true, std::string(256, 'n')));
}

TEST_F(LocalSessionTest, RoundsHaveALimit) {
  Take(BeginRun("study"));
  Refuse(BeginRound(kMaxRound + 1), kInvalid, "round 9223372036854775808");
  Take(BeginRound(kMaxRound));
  EXPECT_EQ(rounds_.Current().round, kMaxRound);
}

TEST_F(LocalSessionTest, ProcessorTimeHasALimitAndNeverFalls) {
  Refuse(BeginSpan(v1::SPAN_KIND_TRAIN, LocalSession::kMaxCpuMicros + 1), kInvalid, "cpu_us");
  Take(BeginSpan(v1::SPAN_KIND_TRAIN, 1'000));
  Refuse(EndSpan(999), kInvalid, "fell from 1000 to 999");
  Take(EndSpan(LocalSession::kMaxCpuMicros));
  ASSERT_THAT(Usages(), SizeIs(1));
  EXPECT_EQ(Usages()[0].cpu, absl::Microseconds(LocalSession::kMaxCpuMicros - 1'000));
}

TEST_F(LocalSessionTest, SpansHaveALimit) {
  for (size_t i = 0; i < LocalSession::kMaxSpans; ++i) Take(BeginSpan(v1::SPAN_KIND_OTHER));
  Refuse(BeginSpan(v1::SPAN_KIND_OTHER), kExhausted, "16 spans are open");
  for (size_t i = 0; i < LocalSession::kMaxSpans; ++i) Take(EndSpan());
  EXPECT_THAT(Spans(), SizeIs(LocalSession::kMaxSpans));
}

TEST_F(LocalSessionTest, RefusesKindsAndOutcomesThatAreNone) {
  for (const int kind :
       {static_cast<int>(v1::SPAN_KIND_SERVE), static_cast<int>(v1::SPAN_KIND_FEDCARBON), 99}) {
    Refuse(BeginSpan(static_cast<v1::SpanKind>(kind)), kInvalid, "kind");
  }
  const auto none = static_cast<v1::Outcome>(4);
  Take(BeginRun("study"));
  Refuse(EndRun(none), kInvalid, "outcome 4");
  Take(BeginRound(0));
  Refuse(EndRound(none), kInvalid, "outcome 4");
  Take(BeginSpan(v1::SPAN_KIND_OTHER));
  Refuse(EndSpan(std::nullopt, none), kInvalid, "outcome 4");
}

TEST_F(LocalSessionTest, SessionsDoNotKnowOfEachOther) {
  LocalSession another(meter_.meter, &rounds_);
  Take(BeginRun("study"));
  Take(BeginRound(7));
  EXPECT_TRUE(another.Take(BeginRun("study")).ok());
  EXPECT_TRUE(another.Take(BeginRound(8)).ok());
  EXPECT_EQ(rounds_.Current(), kRun);
  another.End(v1::OUTCOME_FAILED);
  EXPECT_EQ(rounds_.Current(), kRound);
}

}  // namespace
}  // namespace fedcarbon::node
