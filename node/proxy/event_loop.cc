#include "node/proxy/event_loop.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/sync/clock.h"

namespace fedcarbon::node {
namespace {

constexpr size_t kMaxEvents = 256;

}  // namespace

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (!epoll.is_open() || !wake.is_open() || epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "no descriptors for an event loop: ", std::strerror(errno), "; raise the limit (ulimit -n)"));
  }
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

EventLoop::EventLoop(FileDescriptor epoll, FileDescriptor wake)
    : epoll_(std::move(epoll)), wake_(std::move(wake)), events_(kMaxEvents) {}

void EventLoop::Run(absl::Duration interval, const std::function<void()>& tick) {
  const Clock& clock = *Clock::System();
  absl::Duration due = clock.Monotonic() + interval;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const absl::Duration now = clock.Monotonic();
    if (now >= due) {
      tick();
      due = now + interval;
    }
    Dispatch(requeued_.empty() ? due - now : absl::ZeroDuration());
    RunRequeued();
    RunPosted();
  }
}

void EventLoop::Dispatch(absl::Duration wait) {
  const auto timeout_ms =
      static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
  const int count = epoll_wait(epoll_.get(), events_.data(), kMaxEvents, timeout_ms);
  event_count_ = count > 0 ? static_cast<size_t>(count) : 0;
  for (size_t i = 0; i < event_count_; ++i) {
    if (auto* handler = static_cast<EventHandler*>(events_[i].data.ptr)) handler->OnEvents(events_[i].events);
  }
  event_count_ = 0;
}

void EventLoop::RunRequeued() {
  running_.swap(requeued_);
  for (EventHandler*& next : running_) {
    EventHandler* const handler = std::exchange(next, nullptr);
    if (handler == nullptr) continue;
    handler->turn_ = EventHandler::kNotQueued;
    handler->OnEvents(0);
  }
  running_.clear();
}

void EventLoop::RunPosted() {
  std::vector<std::function<void()>> tasks;
  {
    MutexLock lock(&mutex_);
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) task();
}

void EventLoop::Stop() {
  stopping_.store(true, std::memory_order_relaxed);
  eventfd_write(wake_.get(), 1);
}

void EventLoop::Post(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    posted_.push_back(std::move(task));
  }
  eventfd_write(wake_.get(), 1);
}

bool EventLoop::Watch(int fd, EventHandler* handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  event.data.ptr = handler;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::Forget(int fd, EventHandler* handler) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (size_t i = 0; i < event_count_; ++i) {
    if (events_[i].data.ptr == handler) events_[i].data.ptr = nullptr;
  }
  const size_t turn = std::exchange(handler->turn_, EventHandler::kNotQueued);
  if (turn == EventHandler::kNotQueued) return;
  const bool is_of_this_turn = turn < running_.size() && running_[turn] == handler;
  (is_of_this_turn ? running_ : requeued_)[turn] = nullptr;
}

void EventLoop::Requeue(EventHandler* handler) {
  if (handler->turn_ != EventHandler::kNotQueued) return;
  handler->turn_ = requeued_.size();
  requeued_.push_back(handler);
}

}  // namespace fedcarbon::node
