// Time as the rest of the code sees it, so that tests can inject it.
#pragma once

#include "absl/time/time.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

/// Wall and monotonic time. Thread-safe. Never fails.
class Clock {
 public:
  virtual ~Clock() = default;

  /// UTC. May step; used to say when, never how long.
  virtual absl::Time Now() const = 0;

  /// Time since an arbitrary point of this boot (CLOCK_MONOTONIC). Never steps back; used for durations.
  virtual absl::Duration Monotonic() const = 0;

  /// The system's clock; lives for ever.
  static const Clock* System();
};

/// A clock that stands still until it is told otherwise: for tests and simulation. Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(absl::Time now) : now_(now) {}

  absl::Time Now() const override;
  absl::Duration Monotonic() const override;

  /// Lets both clocks go on by `duration`.
  void Advance(absl::Duration duration);

  /// Steps the wall clock alone, as an administrator or NTP does.
  void StepWall(absl::Duration step);

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mutex_) = absl::Hours(1);
};

}  // namespace fedcarbon
