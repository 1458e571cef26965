#include "node/local/local_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/names.h"

namespace fedcarbon::node {
namespace {

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

v1::Outcome OutcomeOf(v1::Outcome outcome) {
  return outcome == v1::OUTCOME_UNSPECIFIED ? v1::OUTCOME_COMPLETED : outcome;
}

absl::Status CheckOutcome(v1::Outcome outcome) {
  if (v1::Outcome_IsValid(outcome)) return absl::OkStatus();
  return Wrong(absl::StrCat("outcome ", static_cast<int>(outcome),
                            " is none: send 1 for completed, 2 for failed or 3 for abandoned"));
}

bool CanBeSpan(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_UNSPECIFIED || kind == v1::SPAN_KIND_TRAIN || kind == v1::SPAN_KIND_EVALUATE ||
         kind == v1::SPAN_KIND_AGGREGATE || kind == v1::SPAN_KIND_OTHER;
}

template <typename Event>
std::optional<uint64_t> ReadingOf(const Event& event) {
  return event.has_cpu_us() ? std::optional<uint64_t>(event.cpu_us()) : std::nullopt;
}

}  // namespace

absl::Status LocalSession::Take(const v1::LocalEvent& event) {
  switch (event.event_case()) {
    case v1::LocalEvent::kBeginRun:
      return Begin(event.begin_run());
    case v1::LocalEvent::kEndRun:
      return End(event.end_run());
    case v1::LocalEvent::kBeginRound:
      return Begin(event.begin_round());
    case v1::LocalEvent::kEndRound:
      return End(event.end_round());
    case v1::LocalEvent::kBeginSpan:
      return Begin(event.begin_span());
    case v1::LocalEvent::kEndSpan:
      return End(event.end_span());
    case v1::LocalEvent::EVENT_NOT_SET:
      break;
  }
  return Wrong("the event says nothing that is known here: send one of fields 1 to 6 of LocalEvent");
}

void LocalSession::End(v1::Outcome outcome) {
  while (!spans_.empty()) EndSpan(outcome);
  if (open_.round.has_value()) EndRound(outcome);
  if (!open_.run.empty()) EndRun(outcome);
}

absl::Status LocalSession::Begin(const v1::BeginRun& event) {
  if (!open_.run.empty()) return Wrong(absl::StrCat("run ", open_.run, " has begun: end it first"));
  if (!IsRunId(event.run())) {
    return Wrong("the run's id is none: send 1 to 64 letters, digits and ._:- as `run`");
  }
  if (event.name().size() > kMaxRunName) {
    return Wrong(
        absl::StrCat("the run's name has ", event.name().size(), " bytes: send at most ", kMaxRunName));
  }
  open_.run = event.run();
  opens_ = event.opens();
  rounds_->Enter(open_);
  if (opens_) {
    RunEvent fact;
    fact.run = open_.run;
    fact.time = meter_->recorder()->clock().Now();
    fact.name = event.name();
    fact.planned_rounds = event.planned_rounds();
    meter_->recorder()->Record(std::move(fact));
  }
  return absl::OkStatus();
}

absl::Status LocalSession::End(const v1::EndRun& event) {
  if (open_.run.empty()) return Wrong("no run has begun: send BeginRun before EndRun");
  if (open_.round.has_value()) {
    return Wrong(absl::StrCat("round ", *open_.round, " is open: end it before its run"));
  }
  RETURN_IF_ERROR(CheckOutcome(event.outcome()));
  EndRun(OutcomeOf(event.outcome()));
  return absl::OkStatus();
}

absl::Status LocalSession::Begin(const v1::BeginRound& event) {
  if (open_.run.empty()) return Wrong("no run has begun: send BeginRun before BeginRound");
  if (open_.round.has_value()) {
    return Wrong(absl::StrCat("round ", *open_.round, " has begun: end it first"));
  }
  if (event.round() > kMaxRound) {
    return Wrong(absl::StrCat("round ", event.round(), " is too great: send at most ", kMaxRound));
  }
  open_.round = event.round();
  rounds_->Enter(open_);
  if (opens_) meter_->StartRound(open_);
  return absl::OkStatus();
}

absl::Status LocalSession::End(const v1::EndRound& event) {
  if (!open_.round.has_value()) return Wrong("no round has begun: send BeginRound before EndRound");
  RETURN_IF_ERROR(CheckOutcome(event.outcome()));
  EndRound(OutcomeOf(event.outcome()));
  return absl::OkStatus();
}

absl::Status LocalSession::Begin(const v1::BeginSpan& event) {
  if (spans_.size() == kMaxSpans) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kMaxSpans, " spans are open, and no more may be: end some, or open another session"));
  }
  if (!CanBeSpan(event.kind())) {
    return Wrong(absl::StrCat("kind ", static_cast<int>(event.kind()),
                              " is none of a script's: send 1 for train, 2 for evaluate, 3 for aggregate or "
                              "5 for other"));
  }
  RETURN_IF_ERROR(CheckReading(ReadingOf(event)));
  BookCpu(ReadingOf(event));
  const v1::SpanKind kind = event.kind() == v1::SPAN_KIND_UNSPECIFIED ? v1::SPAN_KIND_OTHER : event.kind();
  const Clock& clock = meter_->recorder()->clock();
  spans_.push_back({kind, open_, clock.Now(), clock.Monotonic()});
  return absl::OkStatus();
}

absl::Status LocalSession::End(const v1::EndSpan& event) {
  if (spans_.empty()) return Wrong("no span has begun: send BeginSpan before EndSpan");
  RETURN_IF_ERROR(CheckOutcome(event.outcome()));
  RETURN_IF_ERROR(CheckReading(ReadingOf(event)));
  BookCpu(ReadingOf(event));
  EndSpan(OutcomeOf(event.outcome()));
  return absl::OkStatus();
}

absl::Status LocalSession::CheckReading(std::optional<uint64_t> cpu_us) const {
  if (!cpu_us.has_value()) return absl::OkStatus();
  if (*cpu_us > kMaxCpuMicros) {
    return Wrong(
        absl::StrCat("cpu_us ", *cpu_us, " is too great: send microseconds, at most ", kMaxCpuMicros));
  }
  if (reading_.has_value() && *cpu_us < reading_->cpu_us) {
    return Wrong(absl::StrCat("cpu_us fell from ", reading_->cpu_us, " to ", *cpu_us,
                              ": send all that the script has used so far, or leave it out"));
  }
  return absl::OkStatus();
}

// Since the reading before, the span that is innermost now was so all the time.
void LocalSession::BookCpu(std::optional<uint64_t> cpu_us) {
  const std::optional<Reading> before = std::exchange(reading_, std::nullopt);
  if (!cpu_us.has_value()) return;
  const Clock& clock = meter_->recorder()->clock();
  reading_ = Reading{*cpu_us, clock.Now(), clock.Monotonic()};
  if (!before.has_value() || spans_.empty() || before->cpu_us == *cpu_us) return;
  Usage usage;
  usage.kind = spans_.back().kind;
  usage.round = spans_.back().round;
  usage.start = before->time;
  usage.wall = reading_->monotonic - before->monotonic;
  usage.cpu = absl::Microseconds(static_cast<int64_t>(*cpu_us - before->cpu_us));
  meter_->recorder()->Record(std::move(usage));
}

void LocalSession::EndSpan(v1::Outcome outcome) {
  Begun begun = std::move(spans_.back());
  spans_.pop_back();
  Span span;
  span.kind = begun.kind;
  span.round = std::move(begun.round);
  span.start = begun.start;
  span.wall = meter_->recorder()->clock().Monotonic() - begun.began;
  span.outcome = outcome;
  meter_->recorder()->Record(std::move(span));
}

void LocalSession::EndRound(v1::Outcome outcome) {
  rounds_->Leave(open_);
  if (opens_) meter_->EndRound(open_, outcome);
  open_.round.reset();
}

void LocalSession::EndRun(v1::Outcome outcome) {
  rounds_->Leave(open_);
  if (opens_) meter_->EndRun(open_.run, outcome);
  open_ = {};
  opens_ = false;
}

}  // namespace fedcarbon::node
