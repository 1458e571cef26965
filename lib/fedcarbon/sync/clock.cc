#include "fedcarbon/sync/clock.h"

#include <time.h>

namespace fedcarbon {
namespace {

class SystemClock : public Clock {
 public:
  absl::Time Now() const override {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return absl::TimeFromTimespec(now);
  }
  absl::Duration Monotonic() const override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return absl::DurationFromTimespec(now);
  }
};

}  // namespace

const Clock* Clock::System() {
  static const SystemClock* const clock =
      new SystemClock;  // never destroyed: static destructors may still read it
  return clock;
}

absl::Time ManualClock::Now() const {
  MutexLock lock(&mutex_);
  return now_;
}

absl::Duration ManualClock::Monotonic() const {
  MutexLock lock(&mutex_);
  return monotonic_;
}

void ManualClock::Advance(absl::Duration duration) {
  MutexLock lock(&mutex_);
  now_ += duration;
  monotonic_ += duration;
}

void ManualClock::StepWall(absl::Duration step) {
  MutexLock lock(&mutex_);
  now_ += step;
}

}  // namespace fedcarbon
