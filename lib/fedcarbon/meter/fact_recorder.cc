#include "fedcarbon/meter/fact_recorder.h"

#include <pthread.h>
#include <signal.h>

#include <utility>
#include <vector>

namespace fedcarbon {

FactRecorder::FactRecorder(MeterOptions options, std::shared_ptr<FactSink> sink, const Clock* clock,
                           const CpuClock* cpu, uint64_t generation)
    : generation_(generation),
      options_(std::move(options)),
      sink_(std::move(sink)),
      clock_(clock),
      usage_(cpu, &calls_, clock->Now(), clock->Monotonic()),
      sampled_(clock->Now()),
      sampled_monotonic_(clock->Monotonic()) {}

std::shared_ptr<FactRecorder> FactRecorder::Create(MeterOptions options, std::shared_ptr<FactSink> sink,
                                                   const Clock* clock, const CpuClock* cpu) {
  WatchForks();
  return {new FactRecorder(std::move(options), std::move(sink), clock, cpu, ForkGeneration()),
          [](FactRecorder* recorder) {
            if (!recorder->inert()) delete recorder;
          }};
}

std::shared_ptr<FactRecorder> FactRecorder::Inert() {
  return {new FactRecorder({}, nullptr, Clock::System(), CpuClock::System(), 0),
          [](FactRecorder* recorder) { delete recorder; }};
}

void FactRecorder::Sample() {
  if (inert()) return;
  const absl::Time now = clock_->Now();
  const absl::Duration monotonic = clock_->Monotonic();
  for (Usage& usage : usage_.Sample(now, monotonic)) Record(std::move(usage));
  for (Transfer& part : calls_.CloseDueParts(monotonic)) Record(std::move(part));
  RecordCounters(now, monotonic);
}

void FactRecorder::RecordCounters(absl::Time now, absl::Duration monotonic) {
  Overhead overhead;
  {
    MutexLock lock(&sample_mutex_);
    overhead.start = std::exchange(sampled_, now);
    overhead.wall = monotonic - std::exchange(sampled_monotonic_, monotonic);
  }
  const absl::Time from = overhead.start;
  overhead.context = Bytes(context_bytes_.exchange(0, std::memory_order_relaxed));
  if (overhead.context != Bytes(0)) Record(overhead);

  const auto record_gap = [&](v1::Gap::Reason reason, std::atomic<uint64_t>& counter) {
    Gap gap;
    gap.reason = reason;
    gap.from = from;
    gap.to = now;
    gap.facts = counter.exchange(0, std::memory_order_relaxed);
    if (gap.facts > 0) Record(std::move(gap));
  };
  record_gap(v1::Gap::REASON_BAD_CONTEXT, bad_contexts_);
  record_gap(v1::Gap::REASON_UNSIZED_MESSAGE, unsized_messages_);
}

void FactRecorder::Start() {
  // The application's signals are for the application's threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  sampling_ = std::thread([this] { RunSampling(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void FactRecorder::RunSampling() {
  const OwnThread own;
  pthread_setname_np(pthread_self(), "fedcarbon-meter");
  while (true) {
    {
      MutexLock lock(&stop_mutex_);
      const absl::Duration due = Clock::System()->Monotonic() + options_.sample_interval;
      for (absl::Duration left = options_.sample_interval; !stopping_ && left > absl::ZeroDuration();
           left = due - Clock::System()->Monotonic()) {
        stop_changed_.WaitFor(&stop_mutex_, left);
      }
      if (stopping_) return;
    }
    Sample();
  }
}

void FactRecorder::Stop() {
  if (inert()) return;
  {
    MutexLock lock(&stop_mutex_);
    stopping_ = true;
  }
  stop_changed_.NotifyAll();
  sampling_.join();
  Sample();
}

}  // namespace fedcarbon
