// What the proxy counts about itself, for its own Prometheus port. Nothing here is a fact, and nothing is
// about content.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fedcarbon::node {

/// Grows. Thread-safe. The first kOwned threads that count add on a cache line of their own each, so that
/// workers neither wait for each other's nor lock it; all others share one. Who reads it adds up.
class ShardedCounter {
 public:
  static constexpr size_t kOwned = 15;

  void Add(uint64_t more) {
    const size_t shard = ShardOfThread();
    std::atomic<uint64_t>& value = shards_[shard].value;
    if (shard < kOwned) {  // nobody else writes there
      value.store(value.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    } else {
      value.fetch_add(more, std::memory_order_relaxed);
    }
  }

  operator uint64_t() const {
    uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Shard {
    std::atomic<uint64_t> value{0};
  };

  static size_t ShardOfThread() {
    static std::atomic<size_t> threads{0};
    thread_local const size_t shard = std::min(threads.fetch_add(1, std::memory_order_relaxed), kOwned);
    return shard;
  }

  std::array<Shard, kOwned + 1> shards_;
};

/// One per process. Thread-safe: each member by itself.
struct ProxyMetrics {
  ShardedCounter connections_accepted;
  std::atomic<int64_t> connections_open{0};
  ShardedCounter connections_reset;    // ended by a reset of either side
  ShardedCounter upstream_failures;    // refused, unreachable, not resolved or timed out
  ShardedCounter handshake_failures;   // TLS, either leg
  ShardedCounter accept_pauses;        // at the limit of connections, or out of descriptors
  std::atomic<int64_t> held_bytes{0};  // read and not yet written

  // Transport bytes by leg, from the proxy's point of view.
  ShardedCounter downstream_received_bytes;
  ShardedCounter downstream_sent_bytes;
  ShardedCounter upstream_received_bytes;
  ShardedCounter upstream_sent_bytes;

  ShardedCounter calls_started;
  ShardedCounter calls_ended;    // with a status; the rest was cut
  ShardedCounter messages_sent;  // by this node's end
  ShardedCounter messages_received;
  ShardedCounter message_sent_bytes;  // encoded
  ShardedCounter message_received_bytes;
  ShardedCounter gaps;  // calls and connections that could not be decoded to their end
  ShardedCounter undecoded_bytes;

  // Connections whose bytes the kernel counted too, and those where it counted otherwise.
  ShardedCounter kernel_checked;
  ShardedCounter kernel_differed;
};

inline void Count(ShardedCounter* counter, uint64_t more = 1) { counter->Add(more); }

}  // namespace fedcarbon::node
