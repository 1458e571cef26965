#include "node/proxy/proxy.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "node/frameworks/flower/flower.h"
#include "node/proxy/acceptor.h"
#include "node/proxy/resolver.h"
#include "node/proxy/worker.h"

namespace fedcarbon::node {
namespace {

// For what is not a connection: files, the coordinator, the status port, epoll.
constexpr uint64_t kOtherDescriptors = 64;

constexpr absl::Duration kDrainLook = absl::Milliseconds(20);

// A connection takes two descriptors.
size_t ConnectionLimit(const ProxyOptions& options) {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  const uint64_t left = std::max<uint64_t>(descriptors.rlim_cur, kOtherDescriptors + 2) - kOtherDescriptors;
  return std::min<uint64_t>(options.connections, left / 2);
}

// Runs `task` on the loop's thread and waits for it.
void RunOn(EventLoop& loop, const std::function<void()>& task) {
  Mutex mutex;
  CondVar changed;
  bool done = false;
  loop.Post([&] {
    task();
    MutexLock lock(&mutex);
    done = true;
    changed.NotifyAll();
  });
  MutexLock lock(&mutex);
  while (!done) changed.Wait(&mutex);
}

}  // namespace

class Proxy::Impl {
 public:
  Impl(std::shared_ptr<Meter> meter, ProxyMetrics* metrics) : meter_(std::move(meter)), metrics_(metrics) {}
  ~Impl() {
    if (main_loop_ != nullptr) CloseListeners();
  }

  absl::Status Start(const ProxyOptions& options) {
    if (absl::Status status = CheckProxyOptions(options); !status.ok()) return status;
    const auto ended = [this] { main_loop_->Post([this] { ResumeAcceptors(); }); };
    for (int i = 0; i < options.threads; ++i) {
      std::function<void()> tick = [] {};
      if (i == 0) tick = [this] { ResumeAcceptors(); };
      absl::StatusOr<std::unique_ptr<Worker>> worker =
          Worker::Create(options, {meter_, metrics_, &resolver_, &flower_, &rounds_, ended}, std::move(tick));
      if (!worker.ok()) return worker.status();
      workers_.push_back(*std::move(worker));
    }
    main_loop_ = workers_.front()->loop();
    return TakeOver(options);
  }

  OpenRounds* open_rounds() { return &rounds_; }

  absl::Status Reload(const ProxyOptions& options) {
    if (absl::Status status = CheckProxyOptions(options); !status.ok()) return status;
    if (options.threads != static_cast<int>(workers_.size())) {
      return absl::InvalidArgumentError("threads cannot change while the proxy runs: start it anew");
    }
    return TakeOver(options);
  }

  std::vector<Endpoint> listening() const {
    MutexLock lock(&mutex_);
    return listening_;
  }

  void Drain() {
    CloseListeners();
    const absl::Duration until = Clock::System()->Monotonic() + drain_;
    while (metrics_->connections_open.load(std::memory_order_relaxed) > 0 && !is_drain_over_ &&
           Clock::System()->Monotonic() < until) {
      absl::SleepFor(kDrainLook);
    }
  }

  void EndDrain() { is_drain_over_ = true; }

 private:
  using Acceptors = std::map<std::string, std::unique_ptr<Acceptor>>;  // by ListenerOptions.listen

  // All that can fail comes before anything changes.
  absl::Status TakeOver(const ProxyOptions& options) {
    const size_t limit = ConnectionLimit(options);
    Acceptors opened;
    std::map<std::string, std::shared_ptr<Route>> kept;
    std::map<std::string, Endpoint> bound;
    std::vector<Endpoint> listening;
    int nth_chosen = 0;  // listeners whose port the system chooses are told apart by their order
    for (const ListenerOptions& listener : options.listeners) {
      std::string key = listener.listen.text();
      if (!listener.listen.is_unix() && listener.listen.address.port == 0)
        key += "#" + std::to_string(nth_chosen++);
      absl::StatusOr<std::shared_ptr<Route>> route = Route::Create(listener);
      if (!route.ok()) return route.status();
      if (const auto open = bound_.find(key); open != bound_.end()) {
        kept[key] = *std::move(route);
        bound[key] = open->second;
      } else {
        absl::StatusOr<FileDescriptor> fd = Listen(listener.listen);
        if (!fd.ok()) return NameOwnListener(fd.status(), listener.listen);
        bound[key] = BoundEndpoint(listener.listen, fd->get());
        opened[key] = std::make_unique<Acceptor>(
            *std::move(fd), *std::move(route), limit, main_loop_.get(), metrics_,
            [this](FileDescriptor client, std::shared_ptr<Route> taken) {
              workers_[next_worker_++ % workers_.size()]->Adopt(std::move(client), std::move(taken));
            });
      }
      listening.push_back(bound[key]);
    }
    drain_ = options.drain;
    bound_ = std::move(bound);
    for (const std::unique_ptr<Worker>& worker : workers_) {
      RunOn(*worker->loop(), [&] { worker->SetOptions(options); });
    }
    RunOn(*main_loop_, [&] {
      for (auto acceptor = acceptors_.begin(); acceptor != acceptors_.end();) {
        const auto route = kept.find(acceptor->first);
        if (route == kept.end()) {
          acceptor = acceptors_.erase(acceptor);
        } else {
          (acceptor++)->second->SetRoute(route->second, limit);
        }
      }
      for (auto& [key, acceptor] : opened) acceptor->Begin();
      acceptors_.merge(opened);
    });
    MutexLock lock(&mutex_);
    listening_ = std::move(listening);
    return absl::OkStatus();
  }

  // A place such as 127.0.0.1:80 is taken while one of our own listens on 0.0.0.0:80, which may be about to
  // go. To close that first would be to lose it where the new one cannot be opened.
  absl::Status NameOwnListener(const absl::Status& status, const Endpoint& place) const {
    if (status.code() != absl::StatusCode::kAlreadyExists) return status;
    for (const auto& [key, open] : bound_) {
      if (open.is_unix() || place.is_unix() || open.address.port != place.address.port) continue;
      return absl::AlreadyExistsError(
          absl::StrCat(status.message(), " by this node's own listener ", open.text(),
                       "; a reload opens listeners before it closes others: restart to move this one"));
    }
    return status;
  }

  void CloseListeners() {
    RunOn(*main_loop_, [this] { acceptors_.clear(); });
  }

  void ResumeAcceptors() {
    for (auto& [key, acceptor] : acceptors_) acceptor->Resume();
  }

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
  Flower flower_{meter_};
  OpenRounds rounds_;
  std::shared_ptr<EventLoop> main_loop_;          // the first worker's; null: none runs yet
  std::vector<std::unique_ptr<Worker>> workers_;  // last: they use the rest
};

absl::StatusOr<std::unique_ptr<Proxy>> Proxy::Start(ProxyOptions options, std::shared_ptr<Meter> meter,
                                                    ProxyMetrics* metrics) {
  auto impl = std::make_unique<Impl>(std::move(meter), metrics);
  if (absl::Status status = impl->Start(options); !status.ok()) return status;
  return std::unique_ptr<Proxy>(new Proxy(std::move(impl)));
}

Proxy::Proxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Proxy::~Proxy() = default;

OpenRounds* Proxy::open_rounds() { return impl_->open_rounds(); }

std::vector<Endpoint> Proxy::listening() const { return impl_->listening(); }

absl::Status Proxy::Reload(ProxyOptions options) { return impl_->Reload(options); }

void Proxy::Drain() { impl_->Drain(); }

void Proxy::EndDrain() { impl_->EndDrain(); }

}  // namespace fedcarbon::node
