#include "fedcarbon/report/reporter.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/cpu_clock.h"
#include "fedcarbon/meter/fork.h"
#include "fedcarbon/meter/random_id.h"
#include "fedcarbon/report/fact_buffers.h"
#include "fedcarbon/report/log.h"
#include "fedcarbon/report/sealer.h"
#include "fedcarbon/status/check.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/names.h"

namespace fedcarbon {
namespace {

// Overhead facts ride along with others, this far apart: their own bytes would else never end.
constexpr absl::Duration kOverheadInterval = absl::Seconds(10);

// Longer waits would overflow the clock of a condition variable.
constexpr absl::Duration kLongestWait = absl::Minutes(1);

// What Stop allows a thread that has nothing left to wait for.
constexpr absl::Duration kThreadEndGrace = absl::Seconds(1);

absl::Status Check(const ReporterOptions& options) {
  if (!IsNodeName(options.node)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "node \"", options.node, "\": a node's name is a lower-case DNS name of at most 253 characters"));
  }
  if (options.batch_bytes < 1'000 || options.batch_bytes > kMaxSealedBatchBytes) {
    return absl::InvalidArgumentError(absl::StrCat("batch_bytes ", options.batch_bytes,
                                                   ": it must be from 1,000 to ", kMaxSealedBatchBytes));
  }
  if (options.batch_interval <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "batch_interval ", absl::FormatDuration(options.batch_interval), ": it must be above zero"));
  }
  return absl::OkStatus();
}

}  // namespace

/// All that the thread works on. Ends after Reporter if the thread was left behind.
class Reporter::Loop : public std::enable_shared_from_this<Reporter::Loop> {
 public:
  Loop(const ReporterOptions& options, std::unique_ptr<Transport> transport,
       std::unique_ptr<BatchQueue> queue, const Clock* clock)
      : clock_(clock),
        batch_interval_(options.batch_interval),
        queue_(std::move(queue)),
        buffers_([this] { Wake(); }),
        sealer_({options.node, options.shipping.epoch, options.batch_bytes, options.keep}, queue_.get(),
                clock),
        shipper_(
            options.shipping, std::move(transport), queue_.get(), clock,
            [this](const Fact& fact) { sealer_.Add(fact); }, [this] { Wake(); }) {}

  void Start() {
    thread_ = std::thread([self = shared_from_this()] { self->Run(); });
  }

  void Record(Fact&& fact) { buffers_.Record(std::move(fact)); }
  absl::Status Flush(absl::Duration deadline);
  void Stop(absl::Duration deadline);

 private:
  void Run();
  void Step();
  void Collect();
  void AddOverhead();
  void Wake();

  const Clock* const clock_;
  const absl::Duration batch_interval_;

  // The thread's own.
  const std::unique_ptr<BatchQueue> queue_;
  FactBuffers buffers_;  // but for Record
  Sealer sealer_;
  Shipper shipper_;
  absl::Time collected_ = clock_->Now();
  absl::Duration next_seal_ = clock_->Monotonic() + batch_interval_;
  absl::Duration overhead_since_ = clock_->Monotonic();
  uint64_t flushes_hurried_ = 0;

  std::thread thread_;

  Mutex mutex_;
  CondVar changed_;
  bool is_woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t flushes_asked_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t flushes_sealed_ ABSL_GUARDED_BY(mutex_) = 0;  // all that was recorded before them is in the queue
  // What the thread's parts say, for Flush.
  uint64_t sealed_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t watermark_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t refused_told_ ABSL_GUARDED_BY(mutex_) = 0;  // by earlier flushes
};

void Reporter::Loop::Wake() {
  MutexLock lock(&mutex_);
  is_woken_ = true;
  changed_.NotifyAll();
}

void Reporter::Loop::Run() {
  const OwnThread own;
  while (true) {
    Step();
    const absl::Duration until =
        std::min({next_seal_ - clock_->Monotonic(), shipper_.UntilNextStep(), kLongestWait});
    MutexLock lock(&mutex_);
    if (!is_woken_ && until > absl::ZeroDuration()) changed_.WaitFor(&mutex_, until);
    is_woken_ = false;
    if (stopping_) break;
  }
  shipper_.Close();
  MutexLock lock(&mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

void Reporter::Loop::Step() {
  uint64_t flushes_asked = 0;
  bool is_flushing = false;
  {
    MutexLock lock(&mutex_);
    flushes_asked = flushes_asked_;
    is_flushing = flushes_sealed_ < flushes_asked;
  }
  if (std::exchange(flushes_hurried_, flushes_asked) < flushes_asked) shipper_.Hurry();
  shipper_.Step();  // takes answers: they make room in the queue
  Collect();
  const absl::Duration now = clock_->Monotonic();
  if (is_flushing || now >= next_seal_) {
    if (sealer_.facts() > 0 && (is_flushing || now >= overhead_since_ + kOverheadInterval)) AddOverhead();
    sealer_.Seal();
    next_seal_ = now + batch_interval_;
  }
  shipper_.Step();  // sends what was sealed
  MutexLock lock(&mutex_);
  if (is_flushing && sealer_.empty()) flushes_sealed_ = flushes_asked;
  FEDCARBON_CHECK(queue_->next() > sealed_ && shipper_.watermark() >= watermark_);
  sealed_ = queue_->next() - 1;
  watermark_ = shipper_.watermark();
  FEDCARBON_CHECK(watermark_ <= sealed_);
  refused_ = shipper_.refused();
  changed_.NotifyAll();
}

void Reporter::Loop::Collect() {
  const uint64_t lost = buffers_.Drain([this](const Fact& fact) { sealer_.Add(fact); });
  sealer_.CountLost(lost, collected_, "facts came faster than they were sealed");
  collected_ = clock_->Now();
}

void Reporter::Loop::AddOverhead() {
  const auto [sent, received] = shipper_.TakeTraffic();
  if (sent == Bytes(0)) return;
  const absl::Duration now = clock_->Monotonic();
  Overhead overhead;
  overhead.wall = now - overhead_since_;
  overhead.start = clock_->Now() - overhead.wall;
  overhead.report_sent = sent;
  overhead.report_received = received;
  overhead_since_ = now;
  sealer_.Add(overhead);
}

absl::Status Reporter::Loop::Flush(absl::Duration deadline) {
  const Clock& clock = *Clock::System();  // the caller waits in real time
  const absl::Duration until = clock.Monotonic() + deadline;
  MutexLock lock(&mutex_);
  if (stopping_) return absl::FailedPreconditionError("the reporter was stopped");
  const uint64_t ticket = ++flushes_asked_;
  std::optional<uint64_t> target;  // the last batch that holds what was recorded before
  is_woken_ = true;
  changed_.NotifyAll();
  while (true) {
    if (!target && flushes_sealed_ >= ticket) target = sealed_;
    if (target && watermark_ >= *target) {
      const uint64_t refused = refused_ - std::exchange(refused_told_, refused_);
      if (refused == 0) return absl::OkStatus();
      return absl::DataLossError(absl::StrCat("the coordinator refused ", refused, " batches for ever"));
    }
    if (ended_) return absl::FailedPreconditionError("the reporter was stopped");
    const absl::Duration left = until - clock.Monotonic();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          sealed_ - watermark_, " batches are not acknowledged after ", absl::FormatDuration(deadline)));
    }
    changed_.WaitFor(&mutex_, std::min(left, kLongestWait));
  }
}

void Reporter::Loop::Stop(absl::Duration deadline) {
  const absl::Status flushed = Flush(deadline);
  if (!flushed.ok())
    log::Warn(absl::StrCat("reporting ends, and what was not committed is lost: ", flushed.ToString()));
  bool ended = false;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    is_woken_ = true;
    changed_.NotifyAll();
    const absl::Duration until = Clock::System()->Monotonic() + kThreadEndGrace;
    while (!ended_ && Clock::System()->Monotonic() < until) {
      changed_.WaitFor(&mutex_, until - Clock::System()->Monotonic());
    }
    ended = ended_;
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

absl::StatusOr<std::shared_ptr<Reporter>> Reporter::Create(ReporterOptions options,
                                                           std::unique_ptr<Transport> transport,
                                                           std::unique_ptr<BatchQueue> queue,
                                                           const Clock* clock) {
  RETURN_IF_ERROR(Check(options));
  WatchForks();
  log::Open();
  options.shipping.node = options.node;
  options.shipping.epoch = RandomId();
  if (!options.shipping.random) {
    options.shipping.random = [] { return std::ldexp(static_cast<double>(RandomId() >> 11), -53); };
  }
  auto loop = std::make_shared<Loop>(options, std::move(transport), std::move(queue), clock);
  loop->Start();
  return std::shared_ptr<Reporter>(
      new Reporter(std::move(loop), options.shipping.epoch, options.shutdown_deadline));
}

Reporter::Reporter(std::shared_ptr<Loop> loop, uint64_t epoch, absl::Duration shutdown_deadline)
    : loop_(std::move(loop)),
      epoch_(epoch),
      shutdown_deadline_(shutdown_deadline),
      fork_generation_(ForkGeneration()) {}

Reporter::~Reporter() {
  if (!IsForkedChild()) {
    Stop(shutdown_deadline_);
    return;
  }
  // The thread does not exist here, and locks may be held for ever: what they guard is never touched again.
  static auto* const abandoned = new std::vector<std::shared_ptr<Loop>>;
  abandoned->push_back(std::move(loop_));
}

bool Reporter::IsForkedChild() const { return ForkGeneration() != fork_generation_; }

void Reporter::Record(Fact fact) {
  if (IsForkedChild() || stopped_.load(std::memory_order_relaxed)) return;
  loop_->Record(std::move(fact));
}

absl::Status Reporter::Flush(absl::Duration deadline) {
  if (IsForkedChild())
    return absl::FailedPreconditionError("a forked child does not report its parent's facts");
  return loop_->Flush(deadline);
}

void Reporter::Stop(absl::Duration deadline) {
  if (IsForkedChild() || stopped_.exchange(true)) return;
  loop_->Stop(deadline);
}

}  // namespace fedcarbon
