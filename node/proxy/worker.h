// One thread of the proxy and the connections that belong to it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "fedcarbon/meter/meter.h"
#include "node/local/open_rounds.h"
#include "node/proxy/event_loop.h"
#include "node/proxy/gap_book.h"
#include "node/proxy/metrics.h"
#include "node/proxy/options.h"
#include "node/proxy/pace.h"
#include "node/proxy/relay.h"
#include "node/proxy/resolver.h"
#include "node/proxy/route.h"

namespace fedcarbon::node {

/// Thread-safe where it says so; all else is for its own thread.
class Worker {
 public:
  /// What all workers share; must outlive them.
  struct Shared {
    std::shared_ptr<Meter> meter;
    ProxyMetrics* metrics;
    Resolver* resolver;
    Framework* framework;
    const OpenRounds* rounds;
    std::function<void()> ended;  // connections have, on the worker's thread; their descriptors are free
  };

  /// As EventLoop::Create. `tick` runs on the worker's thread about once a second.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(const ProxyOptions& options, Shared shared,
                                                        std::function<void()> tick);

  /// Cuts its connections.
  ~Worker();

  /// Gives it a client's connection. Thread-safe.
  void Adopt(FileDescriptor client, std::shared_ptr<Route> route);

  /// Thread-safe: what must run on this thread. Who may post when this is gone shares it.
  const std::shared_ptr<EventLoop>& loop() { return loop_; }

  // For relays.
  const Shared& shared() const { return shared_; }
  const ProxyOptions& options() const { return options_; }
  GapBook& gaps() { return gaps_; }

  /// For connections from now on, and for what all of them may hold.
  void SetOptions(const ProxyOptions& options) { options_ = options; }

  /// One buffer for all: what was read is written on at once, and only what the other leg does not take is
  /// kept.
  char* buffer() { return buffer_->bytes; }

  /// How much of buffer() to read into: less the more is held already, so that slow readers cannot fill the
  /// memory.
  size_t ReadSize() const;
  void AddHeld(int64_t bytes);

  /// The relay is over. It is destroyed once no event can reach it.
  void Retire(Relay* relay);

  /// Null if it is over.
  Relay* Find(uint64_t relay);

 private:
  // At a page's begin: into a place 16 bytes behind it, where malloc puts what is large, the kernel copies a
  // megabyte in 0.7 ms instead of 0.15.
  struct alignas(4096) Buffer {
    char bytes[Pace::kMaxRead];
  };

  Worker(std::unique_ptr<EventLoop> loop, const ProxyOptions& options, Shared shared,
         std::function<void()> tick);
  void Tick();
  void AbortAll();

  const std::shared_ptr<EventLoop> loop_;
  ProxyOptions options_;  // its listeners are not used
  const Shared shared_;
  const std::function<void()> tick_;
  GapBook gaps_;
  const std::unique_ptr<Buffer> buffer_;
  int64_t held_ = 0;
  uint64_t next_relay_ = 1;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Relay>> relays_;
  std::vector<std::unique_ptr<Relay>> retired_;
  std::thread thread_;
};

}  // namespace fedcarbon::node
