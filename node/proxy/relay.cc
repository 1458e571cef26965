#include "node/proxy/relay.h"

#include <optional>
#include <utility>

#include "fedcarbon/status/check.h"
#include "node/proxy/worker.h"

namespace fedcarbon::node {

Relay::Relay(Worker* worker, uint64_t id, std::shared_ptr<Route> route, FileDescriptor client)
    : worker_(worker),
      id_(id),
      route_(std::move(route)),
      meter_(route_, worker->shared().meter, worker->shared().framework, worker->shared().rounds,
             worker->shared().metrics, &worker->gaps()),
      connector_(worker, id, route_.get(), &client_, &upstream_, &meter_),
      up_(End::kClient, &client_, &upstream_, worker, &meter_),
      down_(End::kServer, &upstream_, &client_, worker, &meter_) {
  client_.fd = std::move(client);
}

void Relay::Start() {
  if (!connector_.Start()) return Abort();
  Advance();
}

void Relay::OnLegReady(Leg* leg, bool is_reset) {
  if (is_reset && leg == &client_ && stage_ == Stage::kOpening) return Abort();
  Advance();
  // A reset is passed on at once, also where nothing is read: what came before it waits for a slow reader, or
  // was all.
  const Pump& pump = leg == &client_ ? up_ : down_;
  if (is_reset && !pump.is_reading() && stage_ == Stage::kOpen) Abort();
}

void Relay::OnAddresses(std::vector<SocketAddress> addresses) {
  if (connector_.OnAddresses(std::move(addresses)) == Connector::Progress::kFailed) Abort();
}

void Relay::Advance() {
  if (stage_ == Stage::kOpening) {
    switch (connector_.Advance()) {
      case Connector::Progress::kWaiting:
        return;
      case Connector::Progress::kDone:
        stage_ = Stage::kOpen;
        break;
      case Connector::Progress::kReset:
        stage_ = Stage::kOpen;
        return Abort();
      case Connector::Progress::kFailed:
        return Abort();
    }
  }
  if (stage_ == Stage::kOpen) Run(&up_, down_);
  if (stage_ == Stage::kOpen) Run(&down_, up_);
  if (stage_ == Stage::kOpen && up_.is_done() && down_.is_done()) Close();
}

void Relay::Run(Pump* pump, const Pump& other) {
  switch (pump->Run()) {
    case Pump::Outcome::kWaiting:
      return;
    case Pump::Outcome::kMore:
      return worker_->loop()->Requeue(pump->from());
    case Pump::Outcome::kReset:
      return Abort();
    case Pump::Outcome::kBroken:
      if (other.is_done()) return Abort();
      return worker_->loop()->Requeue(other.from());
  }
}

void Relay::Tick() {
  if (stage_ == Stage::kOver) return;
  if (stage_ == Stage::kOpening && connector_.Tick() == Connector::Progress::kFailed) return Abort();
  CountTransport();
  if (stage_ == Stage::kOpen) meter_.Sweep(Transport());
}

void Relay::Close() {
  for (Leg* leg : {&client_, &upstream_}) CheckAgainstKernel(*leg);
  Retire();
  for (Leg* leg : {&client_, &upstream_}) leg->fd = FileDescriptor();
}

void Relay::Abort() {
  if (stage_ == Stage::kOver) return;
  if (stage_ == Stage::kOpen) Count(&worker_->shared().metrics->connections_reset);
  Retire();
  for (Leg* leg : {&client_, &upstream_}) {
    if (leg->fd.is_open()) Reset(&leg->fd);
  }
}

void Relay::Retire() {
  FEDCARBON_CHECK(stage_ != Stage::kOver);
  CountTransport();
  if (connector_.has_upstream()) meter_.Close(Transport());
  stage_ = Stage::kOver;
  for (Pump* pump : {&up_, &down_}) pump->Drop();
  for (Leg* leg : {&client_, &upstream_}) {
    if (leg->fd.is_open()) worker_->loop()->Forget(leg->fd.get(), leg);
  }
  worker_->shared().metrics->connections_open.fetch_sub(1, std::memory_order_relaxed);
  worker_->Retire(this);
}

void Relay::CheckAgainstKernel(const Leg& leg) {
  if (leg.tls != nullptr && leg.tls->is_reset()) return;  // its socket does not say so again
  const std::optional<KernelCount> kernel = ReadKernelCount(leg.fd.get());
  if (!kernel.has_value()) return;
  const bool is_counted = &leg == &CountedLeg();
  if (is_counted) retransmitted_ = kernel->retransmitted;
  Count(&worker_->shared().metrics->kernel_checked);
  if (kernel->sent != leg.stream->transport_sent() || kernel->received != leg.stream->transport_received()) {
    Count(&worker_->shared().metrics->kernel_differed);
  }
}

const Leg& Relay::CountedLeg() const { return route_->options.side == v1::END_CLIENT ? upstream_ : client_; }

ConnectionMeter::TransportCount Relay::Transport() const {
  const Leg& leg = CountedLeg();
  ConnectionMeter::TransportCount count;
  if (leg.stream == nullptr) return count;
  count.sent = leg.stream->transport_sent();
  count.received = leg.stream->transport_received();
  count.handshakes = leg.handshakes;
  count.retransmitted = retransmitted_;
  return count;
}

void Relay::CountTransport() {
  ProxyMetrics& metrics = *worker_->shared().metrics;
  const auto count = [](Leg* leg, ShardedCounter* sent, ShardedCounter* received) {
    if (leg->stream == nullptr) return;
    const Bytes now_sent = leg->stream->transport_sent();
    const Bytes now_received = leg->stream->transport_received();
    Count(sent, (now_sent - std::exchange(leg->counted_sent, now_sent)).count());
    Count(received, (now_received - std::exchange(leg->counted_received, now_received)).count());
  };
  count(&client_, &metrics.downstream_sent_bytes, &metrics.downstream_received_bytes);
  count(&upstream_, &metrics.upstream_sent_bytes, &metrics.upstream_received_bytes);
}

}  // namespace fedcarbon::node
