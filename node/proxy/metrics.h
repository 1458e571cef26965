// What the proxy counts about itself, for its own Prometheus port. Nothing here is a fact, and nothing is
// about content.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace fedcarbon::node {

/// One per process. Thread-safe: each member by itself.
struct ProxyMetrics {
  using Counter = std::atomic<uint64_t>;

  Counter connections_accepted{0};
  std::atomic<int64_t> connections_open{0};
  Counter connections_reset{0};        // ended by a reset of either side
  Counter upstream_failures{0};        // refused, unreachable, not resolved or timed out
  Counter handshake_failures{0};       // TLS, either leg
  Counter accept_pauses{0};            // at the limit of connections, or out of descriptors
  std::atomic<int64_t> held_bytes{0};  // read and not yet written

  // Transport bytes by leg, from the proxy's point of view.
  Counter downstream_received_bytes{0};
  Counter downstream_sent_bytes{0};
  Counter upstream_received_bytes{0};
  Counter upstream_sent_bytes{0};

  Counter calls_started{0};
  Counter calls_ended{0};    // with a status; the rest was cut
  Counter messages_sent{0};  // by this node's end
  Counter messages_received{0};
  Counter message_sent_bytes{0};  // encoded
  Counter message_received_bytes{0};
  Counter losses{0};  // calls and connections that could not be decoded to their end
  Counter undecoded_bytes{0};

  // Connections whose bytes the kernel counted too, and those where it counted otherwise.
  Counter kernel_checked{0};
  Counter kernel_differed{0};
};

inline void Count(ProxyMetrics::Counter* counter, uint64_t more = 1) {
  counter->fetch_add(more, std::memory_order_relaxed);
}

}  // namespace fedcarbon::node
