#include "node/proxy/worker.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "fedcarbon/meter/cpu_clock.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::node {
namespace {

constexpr absl::Duration kTickInterval = absl::Seconds(1);

// A read may take this share of the room that is left.
constexpr int64_t kRoomShare = 4;

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(const ProxyOptions& options, Shared shared,
                                                       std::function<void()> tick) {
  ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Create());
  return std::unique_ptr<Worker>(new Worker(std::move(loop), options, std::move(shared), std::move(tick)));
}

Worker::Worker(std::unique_ptr<EventLoop> loop, const ProxyOptions& options, Shared shared,
               std::function<void()> tick)
    : loop_(std::move(loop)),
      options_(options),
      shared_(std::move(shared)),
      tick_(std::move(tick)),
      buffer_(new Buffer),
      thread_([this] {
        const OwnThread own;
        pthread_setname_np(pthread_self(), "fedcarbon-proxy");
        loop_->Run(kTickInterval, [this] { Tick(); });
        AbortAll();
      }) {}

Worker::~Worker() {
  loop_->Stop();
  thread_.join();
}

void Worker::Adopt(FileDescriptor client, std::shared_ptr<Route> route) {
  // std::function copies what it holds.
  auto held = std::make_shared<FileDescriptor>(std::move(client));
  loop_->Post([this, held, route = std::move(route)] {
    const uint64_t id = next_relay_++;
    auto& relay = relays_[id];
    relay = std::make_unique<Relay>(this, id, route, std::move(*held));
    relay->Start();
  });
}

size_t Worker::ReadSize() const {
  const int64_t room = static_cast<int64_t>(options_.buffer.count()) - held_;
  return static_cast<size_t>(std::clamp<int64_t>(room / kRoomShare, Pace::kMinRead, Pace::kMaxRead));
}

void Worker::AddHeld(int64_t bytes) {
  held_ += bytes;
  shared_.metrics->held_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void Worker::Retire(Relay* relay) {
  auto node = relays_.extract(relay->id());
  if (node.empty()) return;
  retired_.push_back(std::move(node.mapped()));
  if (retired_.size() > 1) return;
  loop_->Post([this] {
    retired_.clear();
    shared_.ended();
  });
}

Relay* Worker::Find(uint64_t relay) {
  const auto found = relays_.find(relay);
  return found == relays_.end() ? nullptr : found->second.get();
}

void Worker::Tick() {
  tick_();
  std::vector<Relay*> relays;  // what ends meanwhile leaves relays_
  relays.reserve(relays_.size());
  for (const auto& [id, relay] : relays_) relays.push_back(relay.get());
  for (Relay* relay : relays) relay->Tick();
  for (Gap& gap : gaps_.Take()) shared_.meter->recorder()->Record(std::move(gap));
}

void Worker::AbortAll() {
  while (!relays_.empty()) relays_.begin()->second->Abort();
  retired_.clear();
  for (Gap& gap : gaps_.Take()) shared_.meter->recorder()->Record(std::move(gap));
}

}  // namespace fedcarbon::node
