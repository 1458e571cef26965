// The proxy: forwards bytes unchanged, and meters what passes. README.md in this folder explains how.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/sync/mutex.h"
#include "node/frameworks/flower/flower.h"
#include "node/local/open_rounds.h"
#include "node/proxy/acceptor.h"
#include "node/proxy/metrics.h"
#include "node/proxy/options.h"
#include "node/proxy/resolver.h"
#include "node/proxy/worker.h"

namespace fedcarbon::node {

/// INVALID_ARGUMENT names the listener, the option and the remedy: values out of range, files that cannot be
/// read, two listeners at one place. Opens no socket.
absl::Status CheckProxyOptions(const ProxyOptions& options);

/// Runs from Start until it is destroyed, on `threads` threads of its own. Thread-safe, but Reload and Drain
/// are called by one thread at a time. Traffic never waits for metering. The process must ignore SIGPIPE:
/// OpenSSL writes to sockets whose peer may have gone.
class Proxy {
 public:
  /// INVALID_ARGUMENT as CheckProxyOptions; ALREADY_EXISTS or UNAVAILABLE, with the address, if a listener
  /// cannot be bound. `metrics` must outlive this.
  static absl::StatusOr<std::unique_ptr<Proxy>> Start(const ProxyOptions& options,
                                                      std::shared_ptr<Meter> meter, ProxyMetrics* metrics);

  /// Cuts what is still open.
  ~Proxy();

  /// Where the listeners listen, in their order, with the ports that the system chose.
  std::vector<Endpoint> listening() const;

  /// What calls belong to that neither they themselves nor a framework's rule name. Lives as long as this.
  OpenRounds* open_rounds() { return &rounds_; }

  /// Takes over new options without dropping a connection: those that are open keep what they began with.
  /// Listeners that stay at their place go on, new ones open, then others close: one cannot move to a place
  /// that overlaps its old one. On an error everything stays as it was. `threads` cannot change.
  absl::Status Reload(const ProxyOptions& options);

  /// Closes the listeners, and waits until the connections have ended by themselves, at most `options.drain`.
  /// The destructor cuts the rest.
  void Drain();

  /// Lets Drain() wait no longer, now or when it is called.
  void EndDrain() { is_drain_over_ = true; }

 private:
  using Acceptors = std::map<std::string, std::unique_ptr<Acceptor>>;  // by ListenerOptions.listen

  Proxy(std::shared_ptr<Meter> meter, ProxyMetrics* metrics);

  absl::Status Begin(const ProxyOptions& options);
  absl::Status ApplyOptions(const ProxyOptions& options);
  absl::Status NameOwnListener(const absl::Status& status, const Endpoint& place) const;
  void CloseListeners();
  void ResumeAcceptors();

  const std::shared_ptr<Meter> meter_;
  ProxyMetrics* const metrics_;
  absl::Duration drain_;
  std::atomic<bool> is_drain_over_{false};
  std::map<std::string, Endpoint> bound_;  // what is listened on, by the same key

  // On the first worker's thread.
  Acceptors acceptors_;
  size_t next_worker_ = 0;

  mutable Mutex mutex_;
  std::vector<Endpoint> listening_ ABSL_GUARDED_BY(mutex_);

  Resolver resolver_;
  Flower flower_;
  OpenRounds rounds_;
  std::shared_ptr<EventLoop> main_loop_;          // the first worker's; null: none runs yet
  std::vector<std::unique_ptr<Worker>> workers_;  // last: they use the rest
};

}  // namespace fedcarbon::node
