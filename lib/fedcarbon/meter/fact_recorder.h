// What a Meter, its calls and its spans share, and what outlives the Meter as long as one of them does.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "fedcarbon/meter/cpu_clock.h"
#include "fedcarbon/meter/fact_sink.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/meter/fork.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/meter/open_calls.h"
#include "fedcarbon/meter/usage_book.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

/// Thread-safe. Owns the sampling thread, which runs from Start() to Stop(). In a child of fork() it is
/// inert, and is never destroyed there: threads that do not exist in the child may have held its locks.
class FactRecorder {
 public:
  static std::shared_ptr<FactRecorder> Create(MeterOptions options, std::shared_ptr<FactSink> sink,
                                              const Clock* clock, const CpuClock* cpu);

  /// Records nothing.
  static std::shared_ptr<FactRecorder> Inert();

  /// Whether nothing is recorded: a disabled Meter, or a child of fork(). To be asked before anything else is
  /// done here.
  bool inert() const { return generation_ != ForkGeneration(); }

  const std::string& node() const { return options_.node; }
  absl::Duration part_interval() const { return options_.part_interval; }
  const Clock& clock() const { return *clock_; }
  OpenCalls& calls() { return calls_; }
  UsageBook& usage() { return usage_; }

  template <typename T>
  void Record(T&& fact) {
    if (!inert()) sink_->Record(std::forward<T>(fact));
  }

  /// Value of `fedcarbon-bin` that was sent, in a request or an answer; becomes Overhead at the next sample.
  void AddContextBytes(Bytes bytes) { context_bytes_.fetch_add(bytes.count(), std::memory_order_relaxed); }

  /// A `fedcarbon-bin` that was ignored: unreadable, or of a newer version. Becomes a Gap at the next sample.
  void CountBadContext() { bad_contexts_.fetch_add(1, std::memory_order_relaxed); }

  /// A message whose size could not be seen. Becomes a Gap at the next sample.
  void CountUnsizedMessage() { unsized_messages_.fetch_add(1, std::memory_order_relaxed); }

  /// Records usage, due parts and counters.
  void Sample();

  void Start();
  void Stop();

 private:
  FactRecorder(MeterOptions options, std::shared_ptr<FactSink> sink, const Clock* clock, const CpuClock* cpu,
               uint64_t generation);

  void RunSampling();
  void RecordCounters(absl::Time now, absl::Duration monotonic);

  const uint64_t generation_;  // of the process that it records for; 0: none
  const MeterOptions options_;
  const std::shared_ptr<FactSink> sink_;
  const Clock* const clock_;
  OpenCalls calls_;
  UsageBook usage_;
  std::atomic<uint64_t> context_bytes_{0};
  std::atomic<uint64_t> bad_contexts_{0};
  std::atomic<uint64_t> unsized_messages_{0};

  Mutex sample_mutex_;
  absl::Time sampled_ ABSL_GUARDED_BY(sample_mutex_);
  absl::Duration sampled_monotonic_ ABSL_GUARDED_BY(sample_mutex_);

  Mutex stop_mutex_;
  CondVar stop_changed_;
  bool stopping_ ABSL_GUARDED_BY(stop_mutex_) = false;
  std::thread sampling_;
};

}  // namespace fedcarbon
