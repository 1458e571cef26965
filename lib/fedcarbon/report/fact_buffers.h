// Where facts wait between the threads that record them and the one that seals them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

/// Facts in the order in which each thread recorded them. Thread-safe. A thread always meets the same one of
/// kShards locks, which it shares with few others and, for moments, with the draining thread.
class FactBuffers {
 public:
  static constexpr size_t kShards = 16;
  static constexpr size_t kFactsPerShard = 4'096;

  /// `wake` is called, without a lock, when a buffer is a quarter full.
  explicit FactBuffers(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// Keeps a fact, or counts it as lost if the thread's buffer is full.
  void Record(Fact&& fact);

  /// Calls `take` with every fact recorded before the call. Returns how many were lost since the last one. By
  /// one thread.
  uint64_t Drain(const std::function<void(const Fact&)>& take);

 private:
  struct alignas(64) Shard {
    Mutex mutex;
    std::vector<Fact> facts ABSL_GUARDED_BY(mutex);
    uint64_t lost ABSL_GUARDED_BY(mutex) = 0;
  };

  const std::function<void()> wake_;
  std::array<Shard, kShards> shards_;
  std::vector<Fact> drained_;  // empty between calls; what it allocated serves the next shard
};

}  // namespace fedcarbon
