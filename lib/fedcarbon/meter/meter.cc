#include "fedcarbon/meter/meter.h"

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/meter/random_id.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/country_codes.h"
#include "fedcarbon/text/names.h"
#include "fedcarbon/units/pue.h"

namespace fedcarbon {
namespace {

absl::Status Check(const MeterOptions& options) {
  if (!IsNodeName(options.node)) {
    return absl::InvalidArgumentError(
        absl::StrCat("node \"", options.node,
                     "\": a node's name is a lower-case DNS name of at most 253 characters, "
                     "such as hospital-a.example.org"));
  }
  const std::string& country = options.description.country();
  if (!country.empty() && !IsCountryCode(country)) {
    return absl::InvalidArgumentError(
        absl::StrCat("country \"", country,
                     "\": use an ISO 3166-1 alpha-3 code, such as CHE, or leave it out if unknown"));
  }
  if (options.description.has_pue_thousandths() && !IsPue(options.description.pue_thousandths() / 1e3)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "PUE of ", options.description.pue_thousandths(),
        " thousandths: power usage effectiveness lies between 1 and 10; leave it out if unknown"));
  }
  if (options.sample_interval < absl::Milliseconds(10)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "sample_interval ", absl::FormatDuration(options.sample_interval), ": it must be at least 10ms"));
  }
  if (options.part_interval <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "part_interval ", absl::FormatDuration(options.part_interval), ": it must be above zero"));
  }
  return absl::OkStatus();
}

const RoundId& NoRound() {
  static const RoundId* const none = new RoundId;
  return *none;
}

thread_local const RoundId* current_round = nullptr;

}  // namespace

absl::StatusOr<std::shared_ptr<Meter>> Meter::Create(MeterOptions options, std::shared_ptr<FactSink> sink,
                                                     const Clock* clock, const CpuClock* cpu) {
  RETURN_IF_ERROR(Check(options));
  options.description.set_software_version(FEDCARBON_VERSION);
  v1::Node description = options.description;
  auto recorder = FactRecorder::Create(std::move(options), std::move(sink), clock, cpu);
  recorder->Record(std::move(description));
  recorder->Start();
  return std::shared_ptr<Meter>(new Meter(std::move(recorder)));
}

std::shared_ptr<Meter> Meter::Disabled() { return std::shared_ptr<Meter>(new Meter(FactRecorder::Inert())); }

Meter::Meter(std::shared_ptr<FactRecorder> recorder) : recorder_(std::move(recorder)) {}

Meter::~Meter() { recorder_->Stop(); }

std::string Meter::StartRun(const std::string& name, uint64_t planned_rounds) {
  RunEvent event;
  event.run = RandomUuid();
  event.time = recorder_->clock().Now();
  event.name = name;
  event.planned_rounds = planned_rounds;
  recorder_->Record(event);
  return event.run;
}

void Meter::EndRun(const std::string& run, v1::Outcome outcome) {
  RunEvent event;
  event.run = run;
  event.time = recorder_->clock().Now();
  event.outcome = outcome;
  recorder_->Record(std::move(event));
}

void Meter::StartRound(const RoundId& round) { EndRound(round, v1::OUTCOME_UNSPECIFIED); }

void Meter::EndRound(const RoundId& round, v1::Outcome outcome) {
  if (!round.known()) return;
  recorder_->Record(RoundEvent{round.run, *round.round, recorder_->clock().Now(), outcome});
}

std::shared_ptr<CallObserver> Meter::StartCall(CallStart start) {
  if (start.end == v1::END_CLIENT && start.round == NoRound()) start.round = RoundScope::Current();
  return std::make_shared<CallObserver>(recorder_, std::move(start));
}

void Meter::Sample() { recorder_->Sample(); }

const std::string& Meter::node() const { return recorder_->node(); }

bool Meter::enabled() const { return !recorder_->inert(); }

RoundScope::RoundScope(RoundId round)
    : round_(std::move(round)), outer_(std::exchange(current_round, &round_)) {}

RoundScope::~RoundScope() { current_round = outer_; }

const RoundId& RoundScope::Current() { return current_round != nullptr ? *current_round : NoRound(); }

ComputeSpan::ComputeSpan(const std::shared_ptr<Meter>& meter, v1::SpanKind kind)
    : recorder_(meter->recorder()), uncaught_exceptions_(std::uncaught_exceptions()) {
  if (recorder_->inert()) return;
  span_ = std::make_unique<OpenSpan>();
  span_->kind = kind == v1::SPAN_KIND_UNSPECIFIED ? v1::SPAN_KIND_OTHER : kind;
  span_->round = RoundScope::Current();
  span_->start = recorder_->clock().Now();
  span_->began = recorder_->clock().Monotonic();
  recorder_->usage().Open(span_.get());
}

ComputeSpan::~ComputeSpan() {
  End(std::uncaught_exceptions() > uncaught_exceptions_ ? v1::OUTCOME_FAILED : v1::OUTCOME_COMPLETED);
}

void ComputeSpan::End(v1::Outcome outcome) {
  if (span_ == nullptr || recorder_->inert()) return;
  recorder_->usage().Close(*span_);
  Span span;
  span.kind = span_->kind;
  span.round = std::move(span_->round);
  span.start = span_->start;
  span.wall = recorder_->clock().Monotonic() - span_->began;
  span.outcome = outcome;
  span_.reset();
  recorder_->Record(std::move(span));
}

}  // namespace fedcarbon
