#include "server/query/transfer_pairs.h"

#include <iterator>
#include <utility>

namespace fedcarbon::server {
namespace {

v1::TransferEntry Entry(const OpenedBatch& batch, const Transfer& transfer) {
  v1::TransferEntry entry;
  entry.set_start_us(absl::ToUnixMicros(transfer.start));
  entry.set_duration_us(absl::ToInt64Microseconds(transfer.duration));
  entry.set_status(transfer.status ? *transfer.status + 1 : 0);
  entry.set_observer(transfer.observer);
  entry.set_sent_messages(transfer.sent.messages);
  if (transfer.sent.message_bytes) entry.set_sent_message_bytes(transfer.sent.message_bytes->count());
  if (transfer.sent.encoded_bytes) entry.set_sent_encoded_bytes(transfer.sent.encoded_bytes->count());
  entry.set_received_messages(transfer.received.messages);
  if (transfer.received.message_bytes) {
    entry.set_received_message_bytes(transfer.received.message_bytes->count());
  }
  if (transfer.received.encoded_bytes) {
    entry.set_received_encoded_bytes(transfer.received.encoded_bytes->count());
  }
  entry.set_sequence(batch.batch.sequence());
  entry.set_epoch(batch.batch.epoch());
  entry.set_unsigned_batch(!batch.is_signed);
  return entry;
}

bool IsClient(const Transfer& transfer) { return transfer.end != v1::END_SERVER; }

/// An interceptor of a client stands above its retries; a proxy sees each on the wire.
bool IsOfAllAttempts(const Transfer& transfer) {
  return IsClient(transfer) && transfer.observer != v1::OBSERVER_PROXY && transfer.attempt == 0;
}

/// Whether the ends count one direction differently, at a layer that both know.
bool Differ(const v1::TransferEntry& sender, const v1::TransferEntry& receiver) {
  return (sender.has_sent_message_bytes() && receiver.has_received_message_bytes() &&
          sender.sent_message_bytes() != receiver.received_message_bytes()) ||
         (sender.has_sent_encoded_bytes() && receiver.has_received_encoded_bytes() &&
          sender.sent_encoded_bytes() != receiver.received_encoded_bytes());
}

/// The ends cut a long call into parts by their own clocks: only a call in one part is compared.
bool Disagree(const v1::TransferPair& pair) {
  if (!pair.has_client_entry() || !pair.has_server_entry() || pair.part() > 0) return false;
  const v1::TransferEntry& client = pair.client_entry();
  const v1::TransferEntry& server = pair.server_entry();
  if (client.status() == 0 || server.status() == 0) return false;
  return Differ(client, server) || Differ(server, client);
}

}  // namespace

bool TransferPairs::Add(const OpenedBatch& batch) {
  for (const v1::Binding& binding : batch.batch.bindings()) {
    const BindingKey key(batch.batch.node(), batch.batch.epoch(), binding.key());
    if (bindings_.size() >= kMaxBindings && bindings_.count(key) == 0) continue;
    RoundId round;
    round.run = batch.text(binding.run());
    if (binding.has_round()) round.round = binding.round();
    bindings_[key] = round;
  }
  for (const Transfer& transfer : ExpandTransfers(batch)) {
    if (!Add(batch, transfer)) return false;
  }
  return true;
}

TransferPairs::Held* TransferPairs::Highest(uint64_t call_id, uint32_t part) {
  const auto next = places_.upper_bound({call_id, part, UINT32_MAX});
  if (next == places_.begin()) return nullptr;
  const auto& [key, place] = *std::prev(next);
  if (std::get<0>(key) != call_id || std::get<1>(key) != part) return nullptr;
  return &held_.at(place);
}

TransferPairs::Held* TransferPairs::LineOf(const Transfer& transfer) {
  const Key key(transfer.call_id, transfer.part, transfer.attempt);
  const auto known = places_.find(key);
  Held* held = known == places_.end() ? nullptr : &held_.at(known->second);
  if (IsOfAllAttempts(transfer)) held = Highest(transfer.call_id, transfer.part);
  if (held != nullptr &&
      !(IsClient(transfer) ? held->pair.has_client_entry() : held->pair.has_server_entry())) {
    return held;
  }
  const Place place(transfer.start, added_++);
  held = &held_[place];
  held->key = key;
  held->pair.set_call_id(transfer.call_id);
  held->pair.set_attempt(transfer.attempt);
  held->pair.set_part(transfer.part);
  held->pair.set_method(transfer.method);
  places_.try_emplace(key, place);
  return held;
}

void TransferPairs::MoveClient(Held* from, Held* to) {
  *to->pair.mutable_client_entry() = std::move(*from->pair.mutable_client_entry());
  from->pair.clear_client_entry();
  to->pair.set_client(from->pair.client());
  to->client = std::exchange(from->client, Named());
  to->client_is_of_all_attempts = std::exchange(from->client_is_of_all_attempts, false);
  to->client_unanswered = std::exchange(from->client_unanswered, false);
  if (from->pair.has_server_entry()) return;
  const auto place = places_.find(from->key);
  const Place of_from = place->second;
  places_.erase(place);
  held_.erase(of_from);
}

bool TransferPairs::Add(const OpenedBatch& batch, const Transfer& transfer) {
  const bool client = IsClient(transfer);
  Held* highest = client ? nullptr : Highest(transfer.call_id, transfer.part);
  Held* held = LineOf(transfer);
  v1::TransferPair& pair = held->pair;
  const std::string& node = batch.batch.node();
  if (client) {
    *pair.mutable_client_entry() = Entry(batch, transfer);
    pair.set_client(node);
    if (!pair.has_server_entry()) pair.set_server(transfer.peer);
  } else {
    *pair.mutable_server_entry() = Entry(batch, transfer);
    pair.set_server(node);
    if (!pair.has_client_entry()) pair.set_client(transfer.peer);
  }
  (client ? held->client : held->server) = {transfer.round,
                                            BindingKey(node, batch.batch.epoch(), transfer.binding)};
  (client ? held->client_unanswered : held->server_unanswered) = !transfer.answered;
  if (client) held->client_is_of_all_attempts = IsOfAllAttempts(transfer);
  if (highest != nullptr && highest->client_is_of_all_attempts && highest->pair.attempt() < pair.attempt()) {
    MoveClient(highest, held);
  }
  return held_.size() <= window_ || EmitFirst();
}

bool TransferPairs::Flush() {
  while (!held_.empty()) {
    if (!EmitFirst()) return false;
  }
  return true;
}

RoundId TransferPairs::Resolve(const Named& named) const {
  if (named.round.known() || std::get<2>(named.awaits) == 0) return named.round;
  const auto binding = bindings_.find(named.awaits);
  return binding == bindings_.end() ? named.round : binding->second;
}

bool TransferPairs::EmitFirst() {
  const auto first = held_.begin();
  v1::TransferPair pair = std::move(first->second.pair);
  const RoundId client = Resolve(first->second.client);
  const RoundId server = Resolve(first->second.server);
  const bool unconfirmed = first->second.client_unanswered || first->second.server_unanswered;
  const auto place = places_.find(first->second.key);
  if (place != places_.end() && place->second == first->first) places_.erase(place);
  held_.erase(first);
  // The request's counts: the client's, where it named one.
  const RoundId& round = client.known() || server.run.empty() ? client : server;
  pair.set_run(round.run);
  if (round.round) pair.set_round(*round.round);
  pair.set_round_conflict(client.known() && server.known() && client != server);
  pair.set_unconfirmed(unconfirmed);
  pair.set_disagreement(Disagree(pair));
  return emit_(pair);
}

}  // namespace fedcarbon::server
