#include "node/proxy/connector.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "fedcarbon/status/check.h"
#include "fedcarbon/sync/clock.h"
#include "node/proxy/relay.h"
#include "node/proxy/worker.h"

namespace fedcarbon::node {
namespace {

constexpr std::string_view kHttp2Preface = "PRI *";

absl::Duration Now() { return Clock::System()->Monotonic(); }

}  // namespace

bool Connector::Start() {
  PrepareForRelay(client_->fd.get());
  client_->is_ending = route_->options.listen.is_unix();
  if (route_->tls != nullptr) {
    auto tls = TlsStream::Accept(route_->tls->Get(), client_->fd.get());
    client_->tls = tls.get();
    client_->stream = std::move(tls);
    Enter(Stage::kClientHello, worker_->options().handshake_timeout);
  } else {
    client_->stream = std::make_unique<PlainStream>(client_->fd.get());
  }
  return Watch(client_);
}

bool Connector::Watch(Leg* leg) { return worker_->loop()->Watch(leg->fd.get(), leg); }

Connector::Progress Connector::Advance() {
  Progress progress = Progress::kDone;
  while (progress == Progress::kDone && stage_ != Stage::kOpen) progress = CompleteStage();
  return progress;
}

Connector::Progress Connector::CompleteStage() {
  switch (stage_) {
    case Stage::kClientHello:
      return PeekClientHello();
    case Stage::kConnecting:
      return CompleteConnect();
    case Stage::kUpstreamHandshake:
      return CompleteUpstreamHandshake();
    case Stage::kClientHandshake:
      return CompleteClientHandshake();
    case Stage::kOpen:
      break;
  }
  return Progress::kDone;
}

Connector::Progress Connector::PeekClientHello() {
  const ListenerOptions& options = route_->options;
  if (client_->tls != nullptr) {
    const TlsStream::Handshake handshake = client_->tls->ContinueHandshake();
    if (handshake == TlsStream::Handshake::kWaiting) return Progress::kWaiting;
    if (handshake == TlsStream::Handshake::kFailed) return FailHandshake();
    alpn_ = client_->tls->TakeOffered();
  } else if (route_->upstream_tls != nullptr && options.alpn.empty()) {
    char first[kHttp2Preface.size()];
    const ssize_t size = recv(client_->fd.get(), first, sizeof(first), MSG_PEEK);
    if (size < 0) return errno == EAGAIN ? Progress::kWaiting : Progress::kFailed;
    const std::string_view seen(first, static_cast<size_t>(size));
    const bool is_prefix = seen == kHttp2Preface.substr(0, seen.size());
    if (!seen.empty() && is_prefix && seen.size() < kHttp2Preface.size() && !client_->is_ending)
      return Progress::kWaiting;
    if (seen == kHttp2Preface) alpn_ = TlsStream::ProtocolList({"h2"});
  }
  if (!options.alpn.empty()) alpn_ = TlsStream::ProtocolList(options.alpn);
  return BeginUpstream();
}

Connector::Progress Connector::BeginUpstream() {
  // Looking the name up has time limits of its own, and the last addresses may follow.
  Enter(Stage::kConnecting, absl::InfiniteDuration());
  const Endpoint& upstream = route_->options.upstream_address.value_or(route_->options.upstream);
  std::vector<SocketAddress> addresses = NumericAddresses(upstream);
  if (!addresses.empty()) return OnAddresses(std::move(addresses));
  // The answer may come when the relay is over, and even its worker: then its loop runs nothing more.
  worker_->shared().resolver->Resolve(upstream.address, [loop = worker_->loop(), worker = worker_,
                                                         id = relay_](std::vector<SocketAddress> found) {
    loop->Post([worker, id, found = std::move(found)]() mutable {
      if (Relay* relay = worker->Find(id)) relay->OnAddresses(std::move(found));
    });
  });
  return Progress::kWaiting;
}

Connector::Progress Connector::OnAddresses(std::vector<SocketAddress> addresses) {
  std::reverse(addresses.begin(), addresses.end());
  addresses_ = std::move(addresses);
  if (addresses_.empty()) return FailUpstream("its name has no address");
  return ConnectNext();
}

Connector::Progress Connector::ConnectNext() {
  Enter(Stage::kConnecting, worker_->options().connect_timeout);
  return TryAddresses();
}

// Until one does not fail at once. A Unix socket whose backlog is full stays the next to try: nothing tells
// when it has room again, so Tick() looks.
Connector::Progress Connector::TryAddresses() {
  while (!addresses_.empty()) {
    if (upstream_->fd.is_open()) worker_->loop()->Forget(upstream_->fd.get(), upstream_);
    int error = 0;
    upstream_->fd = BeginConnect(addresses_.back(), &error);
    upstream_->is_readable = upstream_->is_writable = false;
    upstream_->is_ending = addresses_.back().storage.ss_family == AF_UNIX;
    if (error == EAGAIN && upstream_->is_ending) {
      upstream_->fd = FileDescriptor();
      return Progress::kWaiting;
    }
    addresses_.pop_back();
    if (error == 0 && Watch(upstream_)) return Progress::kWaiting;
    if (addresses_.empty()) return FailUpstream(std::strerror(error != 0 ? error : errno));
  }
  return Progress::kWaiting;
}

Connector::Progress Connector::CompleteConnect() {
  if (!upstream_->fd.is_open() || (!upstream_->is_writable && !upstream_->is_readable))
    return Progress::kWaiting;
  if (const int error = PendingError(upstream_->fd.get()); error != 0) {
    if (!addresses_.empty()) return ConnectNext();
    if (route_->upstream_tls != nullptr || !IsResetOnceConnected(error))
      return FailUpstream(std::strerror(error));
    OnUpstreamReached();
    Enter(Stage::kOpen, absl::InfiniteDuration());
    return Progress::kReset;
  }
  PrepareForRelay(upstream_->fd.get());
  if (route_->upstream_tls == nullptr) {
    upstream_->stream = std::make_unique<PlainStream>(upstream_->fd.get());
    return OnUpstreamReached();
  }
  const TlsClientOptions& options = *route_->options.upstream_tls;
  auto tls = TlsStream::Connect(
      route_->upstream_tls->Get(), upstream_->fd.get(),
      options.server_name.empty() ? route_->options.upstream.address.host : options.server_name, alpn_);
  upstream_->tls = tls.get();
  upstream_->stream = std::move(tls);
  Enter(Stage::kUpstreamHandshake, worker_->options().handshake_timeout);
  return Progress::kDone;
}

Connector::Progress Connector::CompleteUpstreamHandshake() {
  const TlsStream::Handshake handshake = upstream_->tls->ContinueHandshake();
  if (handshake == TlsStream::Handshake::kWaiting) return Progress::kWaiting;
  if (handshake != TlsStream::Handshake::kDone) {
    FailHandshake();
    return FailUpstream("its TLS handshake failed: " + upstream_->tls->Failure());
  }
  upstream_->handshakes = 1;
  return OnUpstreamReached();
}

Connector::Progress Connector::OnUpstreamReached() {
  std::string().swap(alpn_);  // with its memory: a client may offer 64 KiB
  route_->upstream_health.Reached(route_->options.upstream.text());
  Enter(Stage::kClientHandshake, worker_->options().handshake_timeout);
  return Progress::kDone;
}

Connector::Progress Connector::CompleteClientHandshake() {
  if (client_->tls != nullptr) {
    std::vector<std::string> preferred = route_->options.alpn;
    if (upstream_->tls != nullptr) {
      preferred = {upstream_->tls->protocol()};
    } else if (preferred.empty()) {
      preferred = {"h2", "http/1.1"};
    }
    client_->tls->Choose(preferred);
    const TlsStream::Handshake handshake = client_->tls->ContinueHandshake();
    if (handshake == TlsStream::Handshake::kWaiting) return Progress::kWaiting;
    if (handshake != TlsStream::Handshake::kDone) return FailHandshake();
    client_->handshakes = 1;
    meter_->SetClientName(client_->tls->PeerName());
  }
  Enter(Stage::kOpen, absl::InfiniteDuration());
  for (Leg* leg : {client_, upstream_}) leg->is_readable = leg->is_writable = true;
  return Progress::kDone;
}

Connector::Progress Connector::Tick() {
  const bool has_next = stage_ == Stage::kConnecting && !addresses_.empty();
  const bool is_backlog_full = has_next && !upstream_->fd.is_open();
  if (Now() >= deadline_) {
    if (has_next && !is_backlog_full) return ConnectNext();
    if (stage_ == Stage::kConnecting || stage_ == Stage::kUpstreamHandshake)
      return FailUpstream("no answer in time");
    return FailHandshake();
  }
  return is_backlog_full ? TryAddresses() : Progress::kWaiting;
}

void Connector::Enter(Stage stage, absl::Duration limit) {
  FEDCARBON_CHECK(stage >= stage_);
  stage_ = stage;
  deadline_ = Now() + limit;
}

Connector::Progress Connector::FailHandshake() {
  Count(&worker_->shared().metrics->handshake_failures);
  return Progress::kFailed;
}

Connector::Progress Connector::FailUpstream(const std::string& why) {
  Count(&worker_->shared().metrics->upstream_failures);
  route_->upstream_health.Failed(route_->options.upstream.text(), why, Now());
  meter_->Unreachable();
  return Progress::kFailed;
}

}  // namespace fedcarbon::node
