#include "node/proxy/connection_meter.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "fedcarbon/meter/call_context.h"
#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/meter/random_id.h"
#include "fedcarbon/text/names.h"
#include "node/proxy/metered_call.h"

namespace fedcarbon::node {
namespace {

std::string WithoutQuery(std::string_view path) { return std::string(path.substr(0, path.find('?'))); }

// Run and round as the headers that the configuration names have them. What cannot be one is ignored.
RoundId RoundFromHeaders(const HeaderBlock& block, const ListenerOptions& options) {
  RoundId id;
  if (!options.run_header.empty()) {
    const std::string_view run = block.Get(options.run_header);
    if (IsRunId(run)) id.run = std::string(run);
  }
  if (!options.round_header.empty()) {
    const std::string_view text = block.Get(options.round_header);
    uint64_t round = 0;
    if (absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &round) && round <= kMaxRound)
      id.round = round;
  }
  return id;
}

}  // namespace

ConnectionMeter::ConnectionMeter(std::shared_ptr<const Route> route, std::shared_ptr<Meter> meter,
                                 Framework* framework, const OpenRounds* rounds, ProxyMetrics* metrics,
                                 GapBook* gaps)
    : route_(std::move(route)),
      meter_(std::move(meter)),
      framework_(framework),
      rounds_(rounds),
      metrics_(metrics),
      gaps_(gaps),
      peer_(is_client() ? route_->options.upstream_node : std::string()),
      protocol_(ProtocolName(Protocol::kUndecided)),
      id_(RandomId()),
      began_(meter_->recorder()->clock().Now()),
      part_start_(began_),
      part_began_(meter_->recorder()->clock().Monotonic()) {
  if (route_->options.decode) decoder_.emplace(this, &route_->headers, &route_->options.wire);
}

ConnectionMeter::~ConnectionMeter() = default;

void ConnectionMeter::SetClientName(const std::string& name) {
  if (is_client() || name.empty()) return;
  is_certified_ = true;
  peer_ = name;
}

void ConnectionMeter::LearnPeer(const std::string& name) {
  if (peer_.empty()) peer_ = name;
}

uint64_t ConnectionMeter::Passed(End from, std::string_view bytes) {
  if (!decoder_.has_value()) return 0;
  const uint64_t before = decoder_->steps();
  decoder_->Feed(from, bytes);
  return decoder_->steps() - before;
}

void ConnectionMeter::Finished(End from) {
  if (decoder_.has_value()) decoder_->Finish(from);
}

void ConnectionMeter::OnProtocol(Protocol protocol) { protocol_ = std::string(ProtocolName(protocol)); }

void ConnectionMeter::OnGap(const char* why, bool whole_connection) {
  Count(&metrics_->gaps);
  if (whole_connection) lost_ = why;
  const absl::Time now = meter_->recorder()->clock().Now();
  gaps_->Add(v1::Gap::REASON_DECODER, why, 1, Bytes(0), now, now);
}

std::unique_ptr<CallListener> ConnectionMeter::OnCall(const HeaderBlock& request) {
  Count(&metrics_->calls_started);
  CallStart start;
  start.end = route_->options.side;
  start.observer = v1::OBSERVER_PROXY;
  start.method = WithoutQuery(request.Get(":path"));
  start.peer = peer_;
  start.round = RoundFromHeaders(request, route_->options);
  const std::string_view attempts = request.Get("grpc-previous-rpc-attempts");
  if (!attempts.empty()) {
    uint32_t attempt = 0;
    if (absl::SimpleAtoi(absl::string_view(attempts.data(), attempts.size()), &attempt))
      start.attempt = attempt;
  }
  const auto context = ReadContext(request);
  if (context.has_value()) {
    start.call_id = context->call_id();
    if (RoundOf(*context).known() || start.round == RoundId{}) start.round = RoundOf(*context);
    if (!is_client() && !is_certified_) {
      start.peer = context->node();
      LearnPeer(context->node());
    }
  }
  if (!is_client() && peer_.empty() && start.peer.empty()) {
    start.peer = framework_->CallerOf(request);
    LearnPeer(start.peer);
  }
  const bool names_itself = context.has_value() || start.round != RoundId{};
  std::shared_ptr<CallObserver> call = meter_->StartCall(std::move(start));
  call->OnHeaders(is_client() ? Direction::kSent : Direction::kReceived, request.bytes);
  if (!context.has_value()) call->SettlePeer();  // who is not asked does not answer
  std::unique_ptr<CallRule> rule = framework_->OnCall(request, call);
  const OpenRounds* const rounds = names_itself || rule != nullptr ? nullptr : rounds_;
  return std::make_unique<MeteredCall>(this, std::move(call), std::move(rule), rounds);
}

// gRPC's C-core sends raw bytes behind a zero where its peer knows them, else base64.
std::optional<v1::CallContext> ConnectionMeter::ReadContext(const HeaderBlock& block) {
  const std::string_view value = block.Get(kContextKey);
  if (value.empty()) return std::nullopt;
  std::optional<v1::CallContext> context;
  std::string bytes;
  if (value.front() == '\0') {
    context = DecodeContext(value.substr(1));
  } else if (absl::Base64Unescape(absl::string_view(value.data(), value.size()), &bytes)) {
    context = DecodeContext(bytes);
  }
  if (!context.has_value()) meter_->recorder()->CountBadContext();
  return context;
}

void ConnectionMeter::Unreachable() {
  const absl::Time now = meter_->recorder()->clock().Now();
  gaps_->Add(v1::Gap::REASON_UNREACHABLE, "the upstream could not be reached", 1, Bytes(0), now, now);
}

void ConnectionMeter::Sweep(const TransportCount& so_far) {
  const absl::Duration now = meter_->recorder()->clock().Monotonic();
  if (so_far.sent == recorded_.sent && so_far.received == recorded_.received) {
    BeginPart(now);  // the time before belongs to no part: nothing has passed in it
  } else if (now - part_began_ >= meter_->recorder()->part_interval()) {
    RecordPart(so_far, now);
  }
}

void ConnectionMeter::BeginPart(absl::Duration now) {
  part_start_ = meter_->recorder()->clock().Now();
  part_began_ = now;
}

void ConnectionMeter::RecordPart(const TransportCount& so_far, absl::Duration now) {
  Connection part;
  part.id = id_;
  part.peer = peer_;
  part.end = route_->options.side;
  part.protocol = protocol_;
  part.part = part_++;
  part.start = part_start_;
  part.duration = now - part_began_;
  part.sent = so_far.sent - recorded_.sent;
  part.received = so_far.received - recorded_.received;
  part.handshakes = so_far.handshakes - recorded_.handshakes;
  part.retransmitted = so_far.retransmitted - recorded_.retransmitted;
  meter_->recorder()->Record(std::move(part));
  recorded_ = so_far;
  BeginPart(now);
}

void ConnectionMeter::Close(const TransportCount& total) {
  if (lost_ != nullptr) {
    const Bytes undecoded = decoder_->undecoded_bytes();
    Count(&metrics_->undecoded_bytes, undecoded.count());
    gaps_->Add(v1::Gap::REASON_DECODER, lost_, 0, undecoded, began_, meter_->recorder()->clock().Now());
  }
  decoder_.reset();
  RecordPart(total, meter_->recorder()->clock().Monotonic());
}

}  // namespace fedcarbon::node
