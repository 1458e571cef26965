#include "node/proxy/relay.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fedcarbon/sync/clock.h"
#include "node/proxy/worker.h"

namespace fedcarbon::node {
namespace {

constexpr std::string_view kHttp2Preface = "PRI *";

absl::Duration Now() { return Clock::System()->Monotonic(); }

}  // namespace

Relay::Relay(Worker* worker, uint64_t id, std::shared_ptr<Route> route, FileDescriptor client)
    : worker_(worker),
      id_(id),
      route_(std::move(route)),
      meter_(route_, worker->shared().meter, worker->shared().framework, worker->shared().rounds,
             worker->shared().metrics, &worker->gaps()) {
  client_.fd = std::move(client);
}

Relay::~Relay() = default;

// ---- Opening

void Relay::Start() {
  PrepareForRelay(client_.fd.get());
  client_.is_ending = route_->options.listen.is_unix();
  if (route_->tls != nullptr) {
    auto tls = TlsStream::Accept(route_->tls->Get(), client_.fd.get());
    client_.tls = tls.get();
    client_.stream = std::move(tls);
    Enter(Stage::kFirstWords, worker_->options().handshake_timeout);
  } else {
    client_.stream = std::make_unique<PlainStream>(client_.fd.get());
  }
  if (!Watch(&client_)) return Cut();
  Advance();
}

bool Relay::Watch(Leg* leg) { return worker_->loop()->Watch(leg->fd.get(), leg); }

void Relay::Leg::OnEvents(uint32_t events) {
  is_readable = is_readable || (events & ~uint32_t{EPOLLOUT}) != 0 || tls != nullptr;
  is_writable = is_writable || (events & EPOLLOUT) != 0;
  is_ending = is_ending || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0;
  const bool is_broken = (events & EPOLLERR) != 0;
  if (is_broken && this == &relay->client_ && relay->stage_ < Stage::kOpen) return relay->Cut();
  relay->Advance();
  // A reset is passed on at once, also where nothing is read: what came before it waits for a slow reader, or
  // was all.
  const Flow& flow = this == &relay->client_ ? relay->up_ : relay->down_;
  const bool is_unread = !flow.rest.empty() || flow.is_over;
  if (is_broken && is_unread && relay->stage_ == Stage::kOpen) relay->Cut();
}

void Relay::Advance() {
  bool goes_on = true;
  while (goes_on) {
    switch (stage_) {
      case Stage::kFirstWords:
        goes_on = HearFirstWords();
        break;
      case Stage::kConnecting:
        goes_on = CompleteConnect();
        break;
      case Stage::kUpstreamHandshake:
        goes_on = CompleteUpstreamHandshake();
        break;
      case Stage::kClientHandshake:
        goes_on = CompleteClientHandshake();
        break;
      case Stage::kOpen:
        PumpBoth();
        return;
      case Stage::kOver:
        return;
    }
  }
}

bool Relay::HearFirstWords() {
  const ListenerOptions& options = route_->options;
  if (client_.tls != nullptr) {
    const TlsStream::Handshake handshake = client_.tls->ContinueHandshake();
    if (handshake == TlsStream::Handshake::kWaiting) return false;
    if (handshake == TlsStream::Handshake::kFailed) {
      Count(&worker_->shared().metrics->handshake_failures);
      Cut();
      return false;
    }
    alpn_ = client_.tls->TakeOffered();
  } else if (route_->upstream_tls != nullptr && options.alpn.empty()) {
    char first[kHttp2Preface.size()];
    const ssize_t size = recv(client_.fd.get(), first, sizeof(first), MSG_PEEK);
    if (size < 0) {
      if (errno != EAGAIN) Cut();
      return false;
    }
    const std::string_view seen(first, static_cast<size_t>(size));
    const bool is_prefix = seen == kHttp2Preface.substr(0, seen.size());
    if (!seen.empty() && is_prefix && seen.size() < kHttp2Preface.size() && !client_.is_ending) return false;
    if (seen == kHttp2Preface) alpn_ = TlsStream::ProtocolList({"h2"});
  }
  if (!options.alpn.empty()) alpn_ = TlsStream::ProtocolList(options.alpn);
  BeginUpstream();
  return false;
}

void Relay::BeginUpstream() {
  // Looking the name up has time limits of its own, and the last addresses may follow.
  Enter(Stage::kConnecting, absl::InfiniteDuration());
  const Endpoint& upstream = route_->options.upstream_address.value_or(route_->options.upstream);
  std::vector<SocketAddress> addresses = NumericAddresses(upstream);
  if (!addresses.empty()) return OnAddresses(std::move(addresses));
  // The answer may come when this relay is over, and even its worker: then its loop runs nothing more.
  worker_->shared().resolver->Resolve(upstream.address, [loop = worker_->loop(), worker = worker_,
                                                         id = id_](std::vector<SocketAddress> found) {
    loop->Post([worker, id, found = std::move(found)]() mutable {
      if (Relay* relay = worker->Find(id)) relay->OnAddresses(std::move(found));
    });
  });
}

void Relay::OnAddresses(std::vector<SocketAddress> addresses) {
  std::reverse(addresses.begin(), addresses.end());
  addresses_ = std::move(addresses);
  if (addresses_.empty()) return FailUpstream("its name has no address");
  ConnectNext();
}

void Relay::ConnectNext() {
  Enter(Stage::kConnecting, worker_->options().connect_timeout);
  TryAddresses();
}

// Until one does not fail at once. A Unix socket whose backlog is full stays the next to try: nothing tells
// when it has room again, so Tick() looks.
void Relay::TryAddresses() {
  while (!addresses_.empty()) {
    if (upstream_.fd.is_open()) worker_->loop()->Forget(upstream_.fd.get(), &upstream_);
    int error = 0;
    upstream_.fd = BeginConnect(addresses_.back(), &error);
    upstream_.is_readable = upstream_.is_writable = false;
    upstream_.is_ending = addresses_.back().storage.ss_family == AF_UNIX;
    if (error == EAGAIN && upstream_.is_ending) {
      upstream_.fd = FileDescriptor();
      return;
    }
    addresses_.pop_back();
    if (error == 0 && Watch(&upstream_)) return;
    if (addresses_.empty()) return FailUpstream(std::strerror(error != 0 ? error : errno));
  }
}

bool Relay::CompleteConnect() {
  if (!upstream_.fd.is_open() || (!upstream_.is_writable && !upstream_.is_readable)) return false;
  if (const int error = PendingError(upstream_.fd.get()); error != 0) {
    if (addresses_.empty()) {
      FailUpstream(std::strerror(error));
    } else {
      ConnectNext();
    }
    return false;
  }
  PrepareForRelay(upstream_.fd.get());
  if (route_->upstream_tls == nullptr) {
    upstream_.stream = std::make_unique<PlainStream>(upstream_.fd.get());
    OnUpstreamReached();
    return true;
  }
  const TlsClientOptions& options = *route_->options.upstream_tls;
  auto tls = TlsStream::Connect(
      route_->upstream_tls->Get(), upstream_.fd.get(),
      options.server_name.empty() ? route_->options.upstream.address.host : options.server_name, alpn_);
  upstream_.tls = tls.get();
  upstream_.stream = std::move(tls);
  Enter(Stage::kUpstreamHandshake, worker_->options().handshake_timeout);
  return true;
}

bool Relay::CompleteUpstreamHandshake() {
  const TlsStream::Handshake handshake = upstream_.tls->ContinueHandshake();
  if (handshake == TlsStream::Handshake::kWaiting) return false;
  if (handshake != TlsStream::Handshake::kDone) {
    Count(&worker_->shared().metrics->handshake_failures);
    FailUpstream("its TLS handshake failed: " + upstream_.tls->Failure());
    return false;
  }
  upstream_.handshakes = 1;
  OnUpstreamReached();
  return true;
}

void Relay::OnUpstreamReached() {
  std::string().swap(alpn_);  // with its memory: a client may offer 64 KiB
  route_->upstream_health.Reached(route_->options.upstream.text());
  Enter(Stage::kClientHandshake, worker_->options().handshake_timeout);
}

bool Relay::CompleteClientHandshake() {
  if (client_.tls != nullptr) {
    std::vector<std::string> preferred = route_->options.alpn;
    if (upstream_.tls != nullptr) {
      preferred = {upstream_.tls->protocol()};
    } else if (preferred.empty()) {
      preferred = {"h2", "http/1.1"};
    }
    client_.tls->Choose(preferred);
    const TlsStream::Handshake handshake = client_.tls->ContinueHandshake();
    if (handshake == TlsStream::Handshake::kWaiting) return false;
    if (handshake != TlsStream::Handshake::kDone) {
      Count(&worker_->shared().metrics->handshake_failures);
      Cut();
      return false;
    }
    client_.handshakes = 1;
    meter_.SetClientName(client_.tls->PeerName());
  }
  Enter(Stage::kOpen, absl::InfiniteDuration());
  for (Leg* leg : {&client_, &upstream_}) leg->is_readable = leg->is_writable = true;
  return true;
}

void Relay::Enter(Stage stage, absl::Duration limit) {
  stage_ = stage;
  deadline_ = Now() + limit;
}

void Relay::FailUpstream(const std::string& why) {
  Count(&worker_->shared().metrics->upstream_failures);
  route_->upstream_health.Failed(route_->options.upstream.text(), why, Now());
  meter_.Unreachable();
  Cut();
}

// ---- Open

void Relay::PumpBoth() {
  if (Pump(&up_)) worker_->loop()->Requeue(&client_);
  if (stage_ == Stage::kOpen && Pump(&down_)) worker_->loop()->Requeue(&upstream_);
  if (stage_ == Stage::kOpen && up_.is_done && down_.is_done) Close();
}

// True if there is more to do and others should have their turn first.
bool Relay::Pump(Flow* flow) {
  for (size_t turn = 0; stage_ == Stage::kOpen && !flow->is_done;) {
    if (!flow->rest.empty() && !WriteRest(flow)) return false;
    if (flow->is_over) {
      FinishFlow(flow);
      return false;
    }
    if (!flow->from->is_readable) return false;
    if (turn >= flow->pace.read_size()) return true;

    const size_t size = std::min(worker_->ReadSize(), flow->pace.read_size());
    const ByteStream::ReadResult read =
        flow->from->stream->Read(worker_->buffer(), size, flow->from->is_ending);
    turn += read.bytes;
    if (read.after != ByteStream::After::kMore) flow->from->is_readable = false;
    if (read.bytes > 0 && !Write(flow, {worker_->buffer(), read.bytes})) return false;
    switch (read.after) {
      case ByteStream::After::kMore:
      case ByteStream::After::kDrained:
        break;
      case ByteStream::After::kEnd:
      case ByteStream::After::kCut:
        flow->is_over = true;
        flow->is_cut = read.after == ByteStream::After::kCut;
        break;
      case ByteStream::After::kBroken:
        Cut();
        break;
    }
  }
  return false;
}

// False if the other leg is broken.
bool Relay::Write(Flow* flow, std::string_view bytes) {
  const ByteStream::WriteResult written = flow->to->stream->Write(bytes);
  Show(flow, bytes.substr(0, written.bytes));
  if (written.broken) {
    Break(flow);
    return false;
  }
  if (written.bytes < bytes.size()) {
    flow->to->is_writable = false;
    Keep(flow, bytes.substr(written.bytes));
  }
  return true;
}

// False if some of it is left, or the other leg is broken.
bool Relay::WriteRest(Flow* flow) {
  if (!flow->to->is_writable) return false;
  const std::string_view rest =
      std::string_view(flow->rest.data(), flow->rest.size()).substr(flow->rest_begin);
  const ByteStream::WriteResult written = flow->to->stream->Write(rest);
  Show(flow, rest.substr(0, written.bytes));
  flow->rest_begin += written.bytes;
  if (written.broken) {
    Break(flow);
    return false;
  }
  if (written.bytes < rest.size()) {
    flow->to->is_writable = false;
    return false;
  }
  DropRest(flow);
  return true;
}

void Relay::Show(Flow* flow, std::string_view bytes) {
  flow->pace.Passed(bytes.size(), meter_.Passed(flow->from_side, bytes));
}

void Relay::Keep(Flow* flow, std::string_view rest) {
  flow->rest.assign(rest.begin(), rest.end());
  worker_->AddHeld(static_cast<int64_t>(flow->rest.capacity()));
}

void Relay::DropRest(Flow* flow) {
  const auto held = static_cast<int64_t>(flow->rest.capacity());
  flow->rest = std::vector<char>();  // with its memory: an idle connection holds nothing
  worker_->AddHeld(static_cast<int64_t>(flow->rest.capacity()) - held);
  flow->rest_begin = 0;
}

// The leg that this direction writes to is gone. What it had sent before may still be there to be read, as an
// early answer is: the other direction goes on until it meets the end.
void Relay::Break(Flow* flow) {
  DropRest(flow);
  flow->is_over = flow->is_done = is_broken_ = true;
  Flow& other = flow == &up_ ? down_ : up_;
  if (other.is_done) return Cut();
  flow->to->is_readable = flow->to->is_ending = true;
  worker_->loop()->Requeue(flow->to);
}

void Relay::FinishFlow(Flow* flow) {
  if (is_broken_) return Cut();
  if (!flow->to->stream->FinishWriting(flow->is_cut)) {
    flow->to->is_writable = false;
    return;
  }
  flow->is_done = true;
  meter_.Finished(flow->from_side);
}

// ---- Ending

void Relay::Tick() {
  if (stage_ == Stage::kOver) return;
  const bool has_next = stage_ == Stage::kConnecting && !addresses_.empty();
  const bool is_backlog_full = has_next && !upstream_.fd.is_open();
  if (Now() >= deadline_) {
    if (has_next && !is_backlog_full) return ConnectNext();
    if (stage_ == Stage::kConnecting || stage_ == Stage::kUpstreamHandshake)
      return FailUpstream("no answer in time");
    Count(&worker_->shared().metrics->handshake_failures);
    return Cut();
  }
  if (is_backlog_full) return TryAddresses();
  CountTransport();
  if (stage_ == Stage::kOpen) meter_.Sweep(Transport());
}

void Relay::Close() {
  for (Leg* leg : {&client_, &upstream_}) CheckAgainstKernel(*leg);
  Retire();
  for (Leg* leg : {&client_, &upstream_}) leg->fd = FileDescriptor();
}

void Relay::Cut() {
  if (stage_ == Stage::kOver) return;
  if (stage_ == Stage::kOpen) Count(&worker_->shared().metrics->connections_reset);
  Retire();
  for (Leg* leg : {&client_, &upstream_}) {
    if (leg->fd.is_open()) Reset(&leg->fd);
  }
}

void Relay::Retire() {
  CountTransport();
  if (stage_ >= Stage::kUpstreamHandshake) meter_.End(Transport());
  stage_ = Stage::kOver;
  for (Flow* flow : {&up_, &down_}) DropRest(flow);
  for (Leg* leg : {&client_, &upstream_}) {
    if (leg->fd.is_open()) worker_->loop()->Forget(leg->fd.get(), leg);
  }
  worker_->shared().metrics->connections_open.fetch_sub(1, std::memory_order_relaxed);
  worker_->Retire(this);
}

void Relay::CheckAgainstKernel(const Leg& leg) {
  const std::optional<KernelCount> kernel = ReadKernelCount(leg.fd.get());
  if (!kernel.has_value()) return;
  const bool is_counted = &leg == &CountedLeg();
  if (is_counted) retransmitted_ = kernel->retransmitted;
  Count(&worker_->shared().metrics->kernel_checked);
  if (kernel->sent != leg.stream->transport_sent() || kernel->received != leg.stream->transport_received()) {
    Count(&worker_->shared().metrics->kernel_differed);
  }
}

const Relay::Leg& Relay::CountedLeg() const {
  return route_->options.side == v1::END_CLIENT ? upstream_ : client_;
}

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
  const auto count = [](Leg* leg, ProxyMetrics::Counter* sent, ProxyMetrics::Counter* received) {
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
