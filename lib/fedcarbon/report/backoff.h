// How long to wait before the next attempt.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/time/time.h"

namespace fedcarbon {

/// Exponential backoff with full jitter: attempt n waits a random time in [0, min(longest, first * 2^n)], so
/// that nodes which lost one coordinator do not come back together. (M. Brooker, "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015.) Used by one thread.
class Backoff {
 public:
  /// `random` draws from [0, 1).
  Backoff(absl::Duration first, absl::Duration longest, std::function<double()> random)
      : first_(first), longest_(longest), random_(std::move(random)), limit_(first) {}

  absl::Duration Next() {
    const absl::Duration wait = limit_ * random_();
    limit_ = std::min(longest_, 2 * limit_);
    return wait;
  }

  void Reset() { limit_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration longest_;
  const std::function<double()> random_;
  absl::Duration limit_;
};

}  // namespace fedcarbon
