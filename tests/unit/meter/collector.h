// What the meter's tests share: a sink that keeps what it gets, and a CPU clock that is told the time.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/cpu_clock.h"
#include "fedcarbon/meter/fact_sink.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

class Collector : public FactSink {
 public:
  void Record(Fact fact) override {
    MutexLock lock(&mutex_);
    facts_.push_back(std::move(fact));
    recorded_.NotifyAll();
  }

  /// All facts of one type so far, in order.
  template <typename T>
  std::vector<T> All() const {
    MutexLock lock(&mutex_);
    return Select<T>();
  }

  /// The same once there are `count`; after a minute, whatever there is.
  template <typename T>
  std::vector<T> Await(size_t count) const {
    const absl::Time deadline = absl::Now() + absl::Minutes(1);
    MutexLock lock(&mutex_);
    while (Select<T>().size() < count && absl::Now() < deadline) {
      recorded_.WaitFor(&mutex_, deadline - absl::Now());
    }
    return Select<T>();
  }

  size_t size() const {
    MutexLock lock(&mutex_);
    return facts_.size();
  }

 private:
  template <typename T>
  std::vector<T> Select() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::vector<T> selected;
    for (const Fact& fact : facts_) {
      if (const T* match = std::get_if<T>(&fact)) selected.push_back(*match);
    }
    return selected;
  }

  mutable Mutex mutex_;
  mutable CondVar recorded_;
  std::vector<Fact> facts_ ABSL_GUARDED_BY(mutex_);
};

class ManualCpuClock : public CpuClock {
 public:
  absl::Duration Process() const override {
    MutexLock lock(&mutex_);
    return process_;
  }
  absl::Duration OwnThreads() const override {
    MutexLock lock(&mutex_);
    return own_;
  }

  void Use(absl::Duration time) {
    MutexLock lock(&mutex_);
    process_ += time;
  }
  void UseInOwnThreads(absl::Duration time) {
    MutexLock lock(&mutex_);
    process_ += time;
    own_ += time;
  }

 private:
  mutable Mutex mutex_;
  absl::Duration process_ ABSL_GUARDED_BY(mutex_) = absl::Hours(3);
  absl::Duration own_ ABSL_GUARDED_BY(mutex_) = absl::Minutes(1);
};

/// A Meter on manual clocks that samples only when it is told to.
struct ManualMeter {
  ManualMeter() : meter(*Meter::Create(Options(), sink, &clock, &cpu)) {}

  static MeterOptions Options() {
    MeterOptions options;
    options.node = "hospital-a";
    options.sample_interval = absl::Hours(1);
    return options;
  }

  ManualClock clock{absl::FromUnixSeconds(1'700'000'000)};
  ManualCpuClock cpu;
  std::shared_ptr<Collector> sink = std::make_shared<Collector>();
  std::shared_ptr<Meter> meter;
};

}  // namespace fedcarbon
