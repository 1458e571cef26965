// What the coordinator counts about itself. Ingest and the HTTP server fill it; server/web/metrics_text.h
// writes it out for Prometheus. Nothing here is about a run, a round or a node: those are the footprint's
// affair.
#pragma once

#include <prometheus/histogram.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace fedcarbon::server {

/// One per process. Thread-safe: each member by itself.
struct Metrics {
  std::atomic<uint64_t> batches_accepted{0};
  std::atomic<uint64_t> batches_duplicate{0};  // received again: no effect
  std::atomic<uint64_t> batches_refused{0};  // malformed, of a newer format, of another node, or after a hole
  std::atomic<uint64_t> batch_bytes{0};      // of sealed batches as they came, all of the above
  std::atomic<int64_t> report_streams{0};    // open now

  /// Seconds that the store took to commit a group of batches.
  prometheus::Histogram commit{{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5}};

  std::array<std::atomic<uint64_t>, 6> http_requests{};  // by the first digit of the status
};

}  // namespace fedcarbon::server
