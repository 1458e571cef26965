// One thread's readiness events, over epoll.
//
// Not Boost.Asio, which otherwise would be the choice: its reactor pays an epoll_ctl for each wait, and the
// proxy has one to three waits for each small RPC.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/sync/mutex.h"
#include "node/sockets/file_descriptor.h"

namespace fedcarbon::node {

/// Hears what became of a descriptor.
class EventHandler {
 public:
  virtual ~EventHandler() = default;

  /// `events` as epoll gives them; 0: the turn that Requeue() asked for. On the loop's thread.
  virtual void OnEvents(uint32_t events) = 0;

 private:
  friend class EventLoop;
  static constexpr size_t kNotQueued = SIZE_MAX;
  size_t turn_ = kNotQueued;  // its place among the loop's requeued handlers
};

/// Used by the thread that calls Run(), but for Post() and Stop(), which are thread-safe. Does not own
/// handlers.
class EventLoop {
 public:
  /// RESOURCE_EXHAUSTED if the kernel gives no descriptors.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();

  /// Calls handlers and posted functions until Stop(); `tick` about every `interval`.
  void Run(absl::Duration interval, const std::function<void()>& tick);
  void Stop();

  /// Runs `task` on the loop's thread; soon, or never if the loop ends before.
  void Post(std::function<void()> task);

  /// Tells `handler` of each change of readiness (edge-triggered: read and write until the kernel says no).
  /// False, if the kernel has no room.
  bool Watch(int fd, EventHandler* handler);

  /// Before the descriptor is closed. The handler is not called again, and may be destroyed.
  void Forget(int fd, EventHandler* handler);

  /// Calls handler->OnEvents(0) after all others had their turn, once however often it was asked for.
  void Requeue(EventHandler* handler);

 private:
  EventLoop(FileDescriptor epoll, FileDescriptor wake);

  void Dispatch(absl::Duration wait);
  void RunRequeued();
  void RunPosted();

  const FileDescriptor epoll_;
  const FileDescriptor wake_;        // an eventfd
  std::vector<epoll_event> events_;  // of the batch under way; data is null where the handler was forgotten
  size_t event_count_ = 0;
  std::vector<EventHandler*> requeued_;  // null where the handler was forgotten
  std::vector<EventHandler*> running_;   // of requeued_, while they run; null where that has been, too
  std::atomic<bool> stopping_{false};

  Mutex mutex_;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::node
