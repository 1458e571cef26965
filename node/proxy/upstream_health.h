// Whether an upstream can be reached, for the log.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace fedcarbon::node {

/// Hears of each attempt, TLS handshake included. The log tells when they begin to fail, at most once in
/// kQuiet, and when they succeed again: neither a dead upstream nor one that fails now and then can flood it.
/// Thread-safe.
class UpstreamHealth {
 public:
  static constexpr absl::Duration kQuiet = absl::Seconds(10);

  /// `now`: monotonic.
  void Failed(const std::string& upstream, const std::string& why, absl::Duration now);
  void Reached(const std::string& upstream);

 private:
  std::atomic<bool> is_lost_{false};  // and the log has told so
  std::atomic<int64_t> quiet_until_us_{0};
};

}  // namespace fedcarbon::node
