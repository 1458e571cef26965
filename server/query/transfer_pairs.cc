#include "server/query/transfer_pairs.h"

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

bool TransferPairs::Add(const OpenedBatch& batch, const Transfer& transfer) {
  const bool client = transfer.end != v1::END_SERVER;
  const Key key(transfer.call_id, transfer.attempt, transfer.part);
  const auto known = places_.find(key);
  Held* held = known == places_.end() ? nullptr : &held_.at(known->second);
  if (held != nullptr && (client ? held->pair.has_client_entry() : held->pair.has_server_entry()))
    held = nullptr;
  if (held == nullptr) {
    const Place place(transfer.start, added_++);
    held = &held_[place];
    held->key = key;
    held->pair.set_call_id(transfer.call_id);
    held->pair.set_attempt(transfer.attempt);
    held->pair.set_part(transfer.part);
    held->pair.set_method(transfer.method);
    if (known == places_.end()) places_[key] = place;
  }
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
  if (!transfer.answered) pair.set_unconfirmed(true);
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
  const auto place = places_.find(first->second.key);
  if (place != places_.end() && place->second == first->first) places_.erase(place);
  held_.erase(first);
  // The request's counts: the client's, where it named one.
  const RoundId& round = client.known() || server.run.empty() ? client : server;
  pair.set_run(round.run);
  if (round.round) pair.set_round(*round.round);
  pair.set_round_conflict(client.known() && server.known() && client != server);
  pair.set_disagreement(Disagree(pair));
  return emit_(pair);
}

}  // namespace fedcarbon::server
