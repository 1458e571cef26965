#include "node/proxy/metered_call.h"

#include "fedcarbon/meter/call_context.h"

namespace fedcarbon::node {

MeteredCall::MeteredCall(ConnectionMeter* connection, std::shared_ptr<CallObserver> call,
                         std::unique_ptr<CallRule> rule, const OpenRounds* rounds)
    : connection_(connection), call_(std::move(call)), rule_(std::move(rule)), rounds_(rounds) {
  if (rounds_ == nullptr) return;
  seen_ = rounds_->changes();
  call_->AdoptRound(rounds_->Current());
}

void MeteredCall::OnHeaders(End from, const HeaderBlock& block) {
  call_->OnHeaders(DirectionOf(from), block.bytes);
  if (from != End::kServer) return;
  const auto answer = connection_->ReadContext(block);
  if (!answer.has_value()) return;
  rounds_ = nullptr;
  if (connection_->is_client()) {
    connection_->LearnPeer(answer->node());
    if (connection_->route().options.upstream_node.empty()) call_->SetPeer(answer->node());
    call_->AdoptRound(RoundOf(*answer));
  } else {
    call_->SetRound(RoundOf(*answer));
  }
}

void MeteredCall::OnContent(End from, std::string_view bytes) {
  if (rule_ != nullptr) rule_->OnContent(from, bytes);
}

void MeteredCall::OnMessage(End from, const MessagePiece& piece) {
  const Direction direction = DirectionOf(from);
  const bool is_sent = direction == Direction::kSent;
  if (rounds_ != nullptr) FollowRounds(from, piece.ends);
  ProxyMetrics& metrics = connection_->metrics();
  Count(is_sent ? &metrics.message_sent_bytes : &metrics.message_received_bytes, piece.encoded.count());
  MessageSize size;
  size.encoded = piece.encoded;
  size.message = piece.message;
  if (rule_ != nullptr && piece.begins) rule_->OnMessageBegin(from);
  if (piece.message.has_value()) size.kind = v1::COUNT_KIND_WIRE;
  if (piece.ends) {
    Count(is_sent ? &metrics.messages_sent : &metrics.messages_received);
    call_->OnMessage(direction, size);
  } else {
    call_->OnBytes(direction, size);
  }
  if (rule_ == nullptr || !piece.ends) return;
  if (piece.message.has_value()) return rule_->OnMessageEnd(from);
  rule_->OnHidden();  // it is compressed
  rule_ = nullptr;
}

void MeteredCall::OnEnd(int status) {
  Count(&connection_->metrics().calls_ended);
  if (rule_ != nullptr) rule_->OnEnd(status);
  call_->End(status);
}

// A message belongs to the round in which it begins, and the first ones to that of the call.
void MeteredCall::FollowRounds(End from, bool ends) {
  DirectionState& state = from == End::kClient ? client_ : server_;
  if (!state.is_first && !state.is_under_way && seen_ != rounds_->changes()) {
    seen_ = rounds_->changes();
    call_->FollowRound(rounds_->Current());
  }
  state.is_under_way = !ends;
  state.is_first = state.is_first && !ends;
}

Direction MeteredCall::DirectionOf(End from) const {
  return (from == End::kClient) == connection_->is_client() ? Direction::kSent : Direction::kReceived;
}

}  // namespace fedcarbon::node
