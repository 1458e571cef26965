// Takes in the connections of one listening socket.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "node/proxy/event_loop.h"
#include "node/proxy/metrics.h"
#include "node/proxy/route.h"

namespace fedcarbon::node {

/// For the thread of `loop`, but for its construction, and its destruction where Begin() was not called.
/// Takes the path of a Unix socket away when it is destroyed, unless somebody else has bound it by then.
class Acceptor : public EventHandler {
 public:
  using Take = std::function<void(FileDescriptor client, std::shared_ptr<Route> route)>;

  /// Hands connections to `take` once Begin() was called. At `limit` open ones, or when the process has no
  /// descriptors left, the rest waits in the kernel until Resume(). `loop` and `metrics` must outlive this.
  Acceptor(FileDescriptor listening, std::shared_ptr<Route> route, size_t limit, EventLoop* loop,
           ProxyMetrics* metrics, Take take);
  ~Acceptor() override;

  void Begin();

  /// Tries again if it had to pause.
  void Resume();

  /// For connections from now on.
  void SetRoute(std::shared_ptr<Route> route, size_t limit);

  void OnEvents(uint32_t events) override;

 private:
  const FileDescriptor listening_;
  std::shared_ptr<Route> route_;
  const std::optional<std::pair<dev_t, ino_t>> unix_file_;  // that the Unix socket made; none: it is TCP
  size_t limit_;
  EventLoop* const loop_;
  ProxyMetrics* const metrics_;
  const Take take_;
  bool has_begun_ = false;
  bool is_watched_ = false;  // false although it has begun: the kernel had no room
  bool is_paused_ = false;
};

}  // namespace fedcarbon::node
