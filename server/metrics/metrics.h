// What the coordinator counts about itself. Ingest and the HTTP server fill it; server/web/metrics_text.h
// writes it out for Prometheus. Nothing here is about a run, a round or a node: those are the footprint's
// affair.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace fedcarbon::server {

/// How many durations fell into each range. Thread-safe; never blocks.
class DurationHistogram {
 public:
  /// Upper bounds of the ranges; a last one without bound follows.
  static constexpr std::array<int64_t, 13> kBoundsMicros = {500,       1'000,     2'000,    5'000,   10'000,
                                                            20'000,    50'000,    100'000,  200'000, 500'000,
                                                            1'000'000, 2'000'000, 5'000'000};

  void Record(absl::Duration duration) {
    const int64_t micros = absl::ToInt64Microseconds(duration);
    size_t range = 0;
    while (range < kBoundsMicros.size() && micros > kBoundsMicros[range]) ++range;
    counts_[range].fetch_add(1, std::memory_order_relaxed);
    sum_micros_.fetch_add(micros, std::memory_order_relaxed);
  }

  /// Durations in the range that ends at kBoundsMicros[range]; range kBoundsMicros.size() has no end.
  uint64_t count(size_t range) const { return counts_[range].load(std::memory_order_relaxed); }
  absl::Duration sum() const { return absl::Microseconds(sum_micros_.load(std::memory_order_relaxed)); }

 private:
  std::array<std::atomic<uint64_t>, kBoundsMicros.size() + 1> counts_{};
  std::atomic<int64_t> sum_micros_{0};
};

/// One per process. Thread-safe: each member by itself.
struct Metrics {
  std::atomic<uint64_t> batches_accepted{0};
  std::atomic<uint64_t> batches_duplicate{0};  // received again: no effect
  std::atomic<uint64_t> batches_refused{0};  // malformed, of a newer format, of another node, or after a hole
  std::atomic<uint64_t> batch_bytes{0};      // of sealed batches as they came, all of the above
  std::atomic<int64_t> report_streams{0};    // open now
  DurationHistogram commit;                  // of a group of batches to the store

  std::array<std::atomic<uint64_t>, 6> http_requests{};  // by the first digit of the status
};

}  // namespace fedcarbon::server
