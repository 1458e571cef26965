#include "node/proxy/proxy.h"

#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/clock.h"

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

absl::StatusOr<std::unique_ptr<Proxy>> Proxy::Start(const ProxyOptions& options, std::shared_ptr<Meter> meter,
                                                    ProxyMetrics* metrics) {
  std::unique_ptr<Proxy> proxy(new Proxy(std::move(meter), metrics));
  RETURN_IF_ERROR(proxy->Begin(options));
  return proxy;
}

Proxy::Proxy(std::shared_ptr<Meter> meter, ProxyMetrics* metrics)
    : meter_(std::move(meter)), metrics_(metrics), flower_(meter_) {}

Proxy::~Proxy() {
  if (main_loop_ != nullptr) CloseListeners();
}

absl::Status Proxy::Begin(const ProxyOptions& options) {
  RETURN_IF_ERROR(CheckProxyOptions(options));
  const auto ended = [this] { main_loop_->Post([this] { ResumeAcceptors(); }); };
  for (int i = 0; i < options.threads; ++i) {
    std::function<void()> tick = [] {};
    if (i == 0) tick = [this] { ResumeAcceptors(); };
    ASSIGN_OR_RETURN(
        workers_.emplace_back(),
        Worker::Create(options, {meter_, metrics_, &resolver_, &flower_, &rounds_, ended}, std::move(tick)));
  }
  main_loop_ = workers_.front()->loop();
  return ApplyOptions(options);
}

absl::Status Proxy::Reload(const ProxyOptions& options) {
  RETURN_IF_ERROR(CheckProxyOptions(options));
  if (options.threads != static_cast<int>(workers_.size())) {
    return absl::InvalidArgumentError("threads cannot change while the proxy runs: start it anew");
  }
  return ApplyOptions(options);
}

std::vector<Endpoint> Proxy::listening() const {
  MutexLock lock(&mutex_);
  return listening_;
}

void Proxy::Drain() {
  CloseListeners();
  const absl::Duration until = Clock::System()->Monotonic() + drain_;
  while (metrics_->connections_open.load(std::memory_order_relaxed) > 0 && !is_drain_over_ &&
         Clock::System()->Monotonic() < until) {
    absl::SleepFor(kDrainLook);
  }
}

// All that can fail comes before anything changes.
absl::Status Proxy::ApplyOptions(const ProxyOptions& options) {
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
    ASSIGN_OR_RETURN(std::shared_ptr<Route> route, Route::Create(listener));
    if (const auto open = bound_.find(key); open != bound_.end()) {
      kept[key] = std::move(route);
      bound[key] = open->second;
    } else {
      absl::StatusOr<FileDescriptor> fd = Listen(listener.listen);
      if (!fd.ok()) return NameOwnListener(fd.status(), listener.listen);
      bound[key] = BoundEndpoint(listener.listen, fd->get());
      opened[key] = std::make_unique<Acceptor>(
          *std::move(fd), std::move(route), limit, main_loop_.get(), metrics_,
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
absl::Status Proxy::NameOwnListener(const absl::Status& status, const Endpoint& place) const {
  if (status.code() != absl::StatusCode::kAlreadyExists) return status;
  for (const auto& [key, open] : bound_) {
    if (open.is_unix() || place.is_unix() || open.address.port != place.address.port) continue;
    return absl::AlreadyExistsError(
        absl::StrCat(status.message(), " by this node's own listener ", open.text(),
                     "; a reload opens listeners before it closes others: restart to move this one"));
  }
  return status;
}

void Proxy::CloseListeners() {
  RunOn(*main_loop_, [this] { acceptors_.clear(); });
}

void Proxy::ResumeAcceptors() {
  for (auto& [key, acceptor] : acceptors_) acceptor->Resume();
}

}  // namespace fedcarbon::node
