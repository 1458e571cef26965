#include "fedcarbon/report/shipper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/report/log.h"
#include "fedcarbon/status/check.h"

namespace fedcarbon {
namespace {

bool NeedsAPerson(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
         absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status) || absl::IsUnimplemented(status);
}

}  // namespace

Shipper::Shipper(ShipperOptions options, std::unique_ptr<Transport> transport, BatchQueue* queue,
                 const Clock* clock, std::function<void(Fact)> record, std::function<void()> wake)
    : options_(std::move(options)),
      transport_(std::move(transport)),
      queue_(queue),
      clock_(clock),
      record_(std::move(record)),
      wake_(std::move(wake)),
      backoff_(options_.first_backoff, options_.longest_backoff, options_.random) {}

Shipper::~Shipper() = default;

void Shipper::Close() { stream_.reset(); }

void Shipper::OnResponse(v1::ReportResponse response) {
  {
    MutexLock lock(&mutex_);
    answers_.push_back({std::move(response), clock_->Now()});
  }
  wake_();
}

void Shipper::OnEnd(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    end_ = std::move(status);
  }
  wake_();
}

void Shipper::Step() {
  std::deque<Answer> answers;
  std::optional<absl::Status> end;
  {
    MutexLock lock(&mutex_);
    answers.swap(answers_);
    end.swap(end_);
  }
  for (const Answer& answer : answers) HandleAnswer(answer);
  const absl::Duration now = clock_->Monotonic();
  if (!end && stream_ != nullptr && now >= answer_due_) {
    end = absl::DeadlineExceededError(
        absl::StrCat("no answer within ", absl::FormatDuration(options_.answer_timeout)));
  }
  if (end) HandleEnd(*end);
  if (stream_ == nullptr && now >= next_attempt_) Connect();
  if (stream_ != nullptr && greeted_) SendMore();
}

absl::Duration Shipper::UntilNextStep() const {
  return std::max(absl::ZeroDuration(),
                  (stream_ == nullptr ? next_attempt_ : answer_due_) - clock_->Monotonic());
}

uint64_t Shipper::under_way() const {
  FEDCARBON_CHECK(next_ > watermark_);
  return next_ - 1 - watermark_;
}

std::pair<Bytes, Bytes> Shipper::TakeTraffic() {
  if (received_ == Bytes(0)) return {};
  return {std::exchange(sent_, Bytes(0)), std::exchange(received_, Bytes(0))};
}

void Shipper::Connect() {
  greeted_ = false;
  answer_due_ = clock_->Monotonic() + options_.answer_timeout;
  stream_ = transport_->Open(this);
  v1::ReportRequest request;
  v1::Greeting* const greeting = request.mutable_greeting();
  greeting->set_node(options_.node);
  greeting->set_epoch(options_.epoch);
  greeting->set_oldest_sequence(queue_->oldest());
  Send(std::move(request));
}

void Shipper::HandleAnswer(const Answer& answer) {
  received_ += Bytes(answer.response.ByteSizeLong());
  const bool is_greeting = !greeted_;
  NoteClock(answer, is_greeting);
  // A coordinator can only have what was sealed.
  const uint64_t acknowledged = std::min(answer.response.watermark(), queue_->next() - 1);
  if (is_greeting) {
    greeted_ = true;
    next_ = queue_->oldest();
    if (is_away_)
      log::Info(absl::StrCat("the coordinator is there again; reports go on after batch ", next_ - 1));
    is_away_ = false;
  }
  if (acknowledged > watermark_) {
    watermark_ = acknowledged;
    next_ = std::max(next_, watermark_ + 1);
    queue_->Free(watermark_);
    FEDCARBON_CHECK(queue_->oldest() > watermark_);
    backoff_.Reset();
  }
  const bool is_due = under_way() > 0;
  answer_due_ = is_due ? clock_->Monotonic() + options_.answer_timeout : absl::InfiniteDuration();
}

void Shipper::HandleEnd(const absl::Status& status) {
  stream_.reset();
  {
    MutexLock lock(&mutex_);
    answers_.clear();
    end_.reset();
  }
  const uint64_t under_way_at_end = greeted_ ? under_way() : 0;
  if (greeted_ && under_way_at_end == 0) backoff_.Reset();
  const bool is_about_batches = absl::IsInvalidArgument(status) && under_way_at_end > 0;
  if (is_about_batches && under_way_at_end > 1) {
    one_by_one_until_ = next_ - 1;
  } else if (is_about_batches) {
    DropRefused(status);
  } else if (!is_away_) {
    is_away_ = true;
    log::Warn(absl::StrCat("the coordinator takes no reports; batches are kept: ", status.ToString()));
  }
  const bool waits_for_a_person = !is_about_batches && NeedsAPerson(status);
  next_attempt_ =
      clock_->Monotonic() +
      (waits_for_a_person ? options_.refused_backoff * (0.5 + 0.5 * options_.random()) : backoff_.Next());
}

void Shipper::DropRefused(const absl::Status& status) {
  FEDCARBON_CHECK(under_way() == 1);
  const uint64_t sequence = watermark_ + 1;
  Gap gap;
  gap.reason = v1::Gap::REASON_LOST_BATCHES;
  gap.from = gap.to = clock_->Now();
  gap.detail = absl::StrCat("batch ", sequence, " was refused");
  if (const auto sealed = queue_->Read(sequence); sealed.ok()) {
    if (const auto opened = OpenSealedBatch(*sealed); opened.ok()) {
      gap.from = gap.to = opened->time(0);
      gap.facts = CountFacts(opened->batch);
    }
  }
  if (refused_++ == 0) {
    log::Warn(absl::StrCat("the coordinator refused batch ", sequence, " for ever; its ", gap.facts,
                           " facts are lost and become a gap: ", status.ToString()));
  }
  queue_->Free(sequence);
  watermark_ = sequence;
  record_(std::move(gap));
}

void Shipper::SendMore() {
  while (next_ < queue_->next() && under_way() < (next_ <= one_by_one_until_ ? 1 : options_.window)) {
    absl::StatusOr<std::string> sealed = queue_->Read(next_);
    if (!sealed.ok()) {
      HandleEnd(sealed.status());
      return;
    }
    if (under_way() == 0) answer_due_ = clock_->Monotonic() + options_.answer_timeout;
    v1::ReportRequest request;
    request.set_sealed_batch(*std::move(sealed));
    ++next_;
    Send(std::move(request));
  }
}

void Shipper::Send(v1::ReportRequest request) {
  request.set_sent_us(absl::ToUnixMicros(clock_->Now()));
  sent_ += Bytes(request.ByteSizeLong());
  stream_->Send(std::move(request));
}

// As NTP does it (RFC 5905, 8): both legs are taken to be equally long.
void Shipper::NoteClock(const Answer& answer, bool is_greeting) {
  const absl::Duration now = clock_->Monotonic();
  if (!is_greeting && now < last_clock_fact_ + options_.clock_interval) return;
  const absl::Time sent = absl::FromUnixMicros(answer.response.request_sent_us());
  const absl::Time arrived = absl::FromUnixMicros(answer.response.request_received_us());
  const absl::Time answered = absl::FromUnixMicros(answer.response.response_sent_us());
  const absl::Duration round_trip = (answer.received - sent) - (answered - arrived);
  if (round_trip < absl::ZeroDuration() || round_trip > options_.answer_timeout)
    return;  // a clock was stepped
  last_clock_fact_ = now;
  record_(ClockReading{answer.received, ((arrived - sent) + (answered - answer.received)) / 2, round_trip});
}

}  // namespace fedcarbon
