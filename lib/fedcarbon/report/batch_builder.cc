// The batch grows as a v1::Batch whose times are absolute; Seal makes them relative. `bytes` bounds the size
// that it will have then: every varint that Seal changes is counted at its longest, every other exactly.
#include "fedcarbon/report/batch_builder.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "fedcarbon/report/batch_limits.h"
#include "fedcarbon/report/fact_lists.h"
#include "fedcarbon/status/check.h"
#include "fedcarbon/text/names.h"
#include "fedcarbon/text/utf8.h"

namespace fedcarbon {
namespace {

// Tags of Batch's and Transfers' lists take two bytes (field numbers 16 and above), lengths below 2^21 three.
constexpr size_t kFrameBytes = 2 + 3;
constexpr size_t kTimeBytes = 8;       // a relative time: batch_limits::kMaxMicroseconds
constexpr size_t kIndexBytes = 1 + 3;  // an index into strings, with its tag

// SealedBatch.batch with tag and length, and Batch's fields 1 to 7: format, node, epoch, sequence, two
// clocks, boot id.
constexpr size_t kHeaderBytes =
    (1 + 3) + 2 + (1 + 2 + 253) + 9 + 11 + 11 + 11 + (1 + 1 + batch_limits::kMaxBootIdBytes);

// The context of a group: three names, round, and seven one-byte values.
constexpr size_t kGroupBytes = kFrameBytes + 3 * kIndexBytes + (1 + 10) + size_t{7} * 2;

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  while (value >= 128) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

int64_t AbsoluteMicroseconds(absl::Time time) {
  return std::clamp(absl::ToUnixMicros(time), -batch_limits::kMaxMicroseconds,
                    batch_limits::kMaxMicroseconds);
}

uint64_t Microseconds(absl::Duration duration) {
  return static_cast<uint64_t>(
      std::clamp(absl::ToInt64Microseconds(duration), int64_t{0}, batch_limits::kMaxMicroseconds));
}

std::string_view AdmittedMethod(std::string_view method) {
  return IsMethodName(method) ? method : kOtherMethod;
}
std::string_view AdmittedPeer(std::string_view peer) { return IsNodeName(peer) ? peer : std::string_view(); }
std::string_view AdmittedRun(std::string_view run) { return IsRunId(run) ? run : std::string_view(); }
std::optional<uint64_t> AdmittedRound(std::optional<uint64_t> round) {
  return round.has_value() && *round <= kMaxRound ? round : std::nullopt;
}

// Debian's absl::string_view is a type of its own.
absl::string_view Key(std::string_view text) { return {text.data(), text.size()}; }

/// Which columns a group has. A column is for all of its transfers or none, so it is part of what makes a
/// group.
constexpr uint32_t kAttempt = 1 << 0;
constexpr uint32_t kPart = 1 << 1;
constexpr uint32_t kStatus = 1 << 2;
constexpr uint32_t kBinding = 1 << 3;
constexpr uint32_t kMessages = 1 << 4;  // of sent; received: the same, shifted by kReceivedShift
constexpr uint32_t kMessageBytes = 1 << 5;
constexpr uint32_t kEncodedBytes = 1 << 6;
constexpr uint32_t kHeaderBytesColumn = 1 << 7;
constexpr int kReceivedShift = 4;

uint32_t ColumnsOf(const DirectionCounts& counts) {
  return (counts.messages != 0 ? kMessages : 0u) | (counts.message_bytes ? kMessageBytes : 0u) |
         (counts.encoded_bytes ? kEncodedBytes : 0u) | (counts.header_bytes ? kHeaderBytesColumn : 0u);
}

uint32_t ColumnsOf(const Transfer& transfer) {
  return (transfer.attempt != 0 ? kAttempt : 0u) | (transfer.part != 0 ? kPart : 0u) |
         (transfer.status ? kStatus : 0u) | (transfer.binding != 0 ? kBinding : 0u) |
         ColumnsOf(transfer.sent) | (ColumnsOf(transfer.received) << kReceivedShift);
}

size_t RowBytes(const DirectionCounts& counts) {
  return (counts.messages != 0 ? VarintBytes(counts.messages) : 0) +
         (counts.message_bytes ? VarintBytes(counts.message_bytes->count()) : 0) +
         (counts.encoded_bytes ? VarintBytes(counts.encoded_bytes->count()) : 0) +
         (counts.header_bytes ? VarintBytes(counts.header_bytes->count()) : 0);
}

/// call_id, start, duration, and what the columns hold.
size_t RowBytes(const Transfer& transfer) {
  return 8 + kTimeBytes + VarintBytes(Microseconds(transfer.duration)) +
         (transfer.attempt != 0 ? VarintBytes(transfer.attempt) : 0) +
         (transfer.part != 0 ? VarintBytes(transfer.part) : 0) + (transfer.status ? 1 : 0) +
         (transfer.binding != 0 ? 8 : 0) + RowBytes(transfer.sent) + RowBytes(transfer.received);
}

using GroupKey = std::tuple<uint32_t /*method*/, uint32_t /*peer*/, uint32_t /*run*/, std::optional<uint64_t>,
                            int /*end*/, int /*observer*/, int /*sent kind*/, int /*received kind*/,
                            bool /*answered*/, int /*waste*/, uint32_t /*columns*/>;

void AppendRow(const Transfer& transfer, v1::Transfers* group) {
  group->add_call_id(transfer.call_id);
  group->add_start_us(AbsoluteMicroseconds(transfer.start));
  group->add_duration_us(Microseconds(transfer.duration));
  if (transfer.attempt != 0) group->add_attempt(transfer.attempt);
  if (transfer.part != 0) group->add_part(transfer.part);
  if (transfer.status) {
    const bool is_known =
        *transfer.status >= 0 && *transfer.status < static_cast<int>(batch_limits::kMaxStatus);
    constexpr int kUnknown = 2;  // gRPC's UNKNOWN
    group->add_status(static_cast<uint32_t>(is_known ? *transfer.status : kUnknown) + 1);
  }
  if (transfer.binding != 0) group->add_binding(transfer.binding);

  const DirectionCounts& sent = transfer.sent;
  if (sent.messages != 0) group->add_sent_messages(sent.messages);
  if (sent.message_bytes) group->add_sent_message_bytes(sent.message_bytes->count());
  if (sent.encoded_bytes) group->add_sent_encoded_bytes(sent.encoded_bytes->count());
  if (sent.header_bytes) group->add_sent_header_bytes(sent.header_bytes->count());
  const DirectionCounts& received = transfer.received;
  if (received.messages != 0) group->add_received_messages(received.messages);
  if (received.message_bytes) group->add_received_message_bytes(received.message_bytes->count());
  if (received.encoded_bytes) group->add_received_encoded_bytes(received.encoded_bytes->count());
  if (received.header_bytes) group->add_received_header_bytes(received.header_bytes->count());
}

/// Each makes the times of a fact relative to `wall`.
void MakeRelative(int64_t, v1::Node*) {}
void MakeRelative(int64_t, v1::Binding*) {}
void MakeRelative(int64_t wall, v1::RunEvent* event) { event->set_time_us(event->time_us() - wall); }
void MakeRelative(int64_t wall, v1::RoundEvent* event) { event->set_time_us(event->time_us() - wall); }
void MakeRelative(int64_t wall, v1::Transfers* group) {
  for (int64_t& start : *group->mutable_start_us()) start -= wall;
}
void MakeRelative(int64_t wall, v1::Span* span) { span->set_start_us(span->start_us() - wall); }
void MakeRelative(int64_t wall, v1::Usage* usage) { usage->set_start_us(usage->start_us() - wall); }
void MakeRelative(int64_t wall, v1::Energy* energy) { energy->set_start_us(energy->start_us() - wall); }
void MakeRelative(int64_t wall, v1::Connection* connection) {
  connection->set_start_us(connection->start_us() - wall);
}
void MakeRelative(int64_t wall, v1::ClockReading* clock) { clock->set_time_us(clock->time_us() - wall); }
void MakeRelative(int64_t wall, v1::Gap* gap) {
  gap->set_from_us(gap->from_us() - wall);
  gap->set_to_us(gap->to_us() - wall);
}
void MakeRelative(int64_t wall, v1::Overhead* overhead) {
  overhead->set_start_us(overhead->start_us() - wall);
}

}  // namespace

struct BatchBuilder::State {
  explicit State(size_t limit) : max_bytes(std::min(limit, kMaxSealedBatchBytes)) {}

  bool Fits(size_t more) const { return bytes + more <= max_bytes; }

  size_t NewStringBytes(std::string_view text) const {
    return text.empty() || strings.contains(Key(text)) ? 0 : kFrameBytes + text.size();
  }

  /// Of a text that is there.
  uint32_t Index(std::string_view text) const { return text.empty() ? 0 : strings.find(Key(text))->second; }

  uint32_t Intern(std::string_view text) {
    if (text.empty()) return 0;
    const auto [entry, is_new] = strings.try_emplace(Key(text), batch.strings_size() + 1);
    if (is_new) batch.add_strings(entry->first);
    return entry->second;
  }

  /// Appends `fact`, complete but for its times, if it fits. Null if it does not.
  template <typename Message>
  Message* Append(Message&& fact, int times) {
    const size_t more = kFrameBytes + fact.ByteSizeLong() + static_cast<size_t>(times) * (1 + kTimeBytes);
    if (!Fits(more)) return nullptr;
    bytes += more;
    empty = false;
    Message* const appended = FactsOf<Message>(&batch)->Add();
    *appended = std::forward<Message>(fact);
    return appended;
  }

  /// The same for a fact that names something: `set_index` takes the index of its admitted name.
  template <typename Message>
  Message* Append(Message&& fact, int times, std::string_view name, void (Message::*set_index)(uint32_t)) {
    const size_t name_bytes = kIndexBytes + NewStringBytes(name);
    if (!Fits(name_bytes)) return nullptr;
    bytes += name_bytes;
    Message* const appended = Append(std::forward<Message>(fact), times);
    if (appended == nullptr) {
      bytes -= name_bytes;
    } else {
      (appended->*set_index)(Intern(name));
    }
    return appended;
  }

  /// The same for a fact of a run.
  template <typename Message>
  Message* Append(Message&& fact, int times, std::string_view run) {
    return Append(std::forward<Message>(fact), times, AdmittedRun(run), &Message::set_run);
  }

  bool Add(const Transfer& transfer);
  bool Add(const Span& span);
  bool Add(const Usage& usage);
  bool Add(const Connection& connection);
  bool Add(const RunEvent& event);
  bool Add(const RoundEvent& event);
  bool Add(const v1::Node& node);
  bool Add(const Binding& binding);
  bool Add(const ClockReading& reading);
  bool Add(const Gap& gap);
  bool Add(const Overhead& overhead);

  const size_t max_bytes;
  size_t bytes = kHeaderBytes;
  bool empty = true;
  v1::Batch batch;  // without header, times absolute
  absl::flat_hash_map<std::string, uint32_t> strings;
  absl::flat_hash_map<GroupKey, int> groups;  // index into batch.transfers
};

bool BatchBuilder::State::Add(const Transfer& transfer) {
  const std::string_view method = AdmittedMethod(transfer.method);
  const std::string_view peer = AdmittedPeer(transfer.peer);
  const std::string_view run = AdmittedRun(transfer.round.run);
  const std::optional<uint64_t> round = AdmittedRound(transfer.round.round);
  const uint32_t columns = ColumnsOf(transfer);
  const auto key = [&](uint32_t method_index, uint32_t peer_index, uint32_t run_index) {
    return GroupKey(method_index, peer_index, run_index, round, transfer.end, transfer.observer,
                    transfer.sent.kind, transfer.received.kind, transfer.answered, transfer.waste, columns);
  };

  const size_t row_bytes = RowBytes(transfer);
  const size_t string_bytes = NewStringBytes(method) + NewStringBytes(peer) + NewStringBytes(run);
  if (string_bytes == 0) {
    const auto group = groups.find(key(Index(method), Index(peer), Index(run)));
    if (group != groups.end()) {
      if (!Fits(row_bytes)) return false;
      bytes += row_bytes;
      AppendRow(transfer, batch.mutable_transfers(group->second));
      return true;
    }
  }

  constexpr size_t kAlwaysThere = 3;  // call_id, start_us, duration_us
  const size_t column_count = kAlwaysThere + static_cast<size_t>(__builtin_popcount(columns));
  const size_t more = row_bytes + string_bytes + kGroupBytes + column_count * kFrameBytes;
  if (!Fits(more)) return false;
  bytes += more;
  empty = false;
  const int index = batch.transfers_size();
  v1::Transfers* const group = batch.add_transfers();
  group->set_method(Intern(method));
  group->set_peer(Intern(peer));
  group->set_run(Intern(run));
  groups.emplace(key(group->method(), group->peer(), group->run()), index);
  if (round.has_value()) group->set_round(*round);
  group->set_end(transfer.end);
  group->set_observer(transfer.observer);
  group->set_sent_kind(transfer.sent.kind);
  group->set_received_kind(transfer.received.kind);
  group->set_unanswered(!transfer.answered);
  group->set_waste(transfer.waste);
  AppendRow(transfer, group);
  return true;
}

bool BatchBuilder::State::Add(const Span& span) {
  v1::Span fact;
  fact.set_kind(span.kind);
  if (const auto round = AdmittedRound(span.round.round)) fact.set_round(*round);
  fact.set_wall_us(Microseconds(span.wall));
  fact.set_outcome(span.outcome);
  fact.set_is_upper_bound(span.is_upper_bound);
  v1::Span* const appended = Append(std::move(fact), 1, span.round.run);
  if (appended != nullptr) appended->set_start_us(AbsoluteMicroseconds(span.start));
  return appended != nullptr;
}

bool BatchBuilder::State::Add(const Usage& usage) {
  v1::Usage fact;
  fact.set_kind(usage.kind);
  if (const auto round = AdmittedRound(usage.round.round)) fact.set_round(*round);
  fact.set_wall_us(Microseconds(usage.wall));
  fact.set_cpu_us(Microseconds(usage.cpu));
  fact.set_accelerator_us(Microseconds(usage.accelerator));
  v1::Usage* const appended = Append(std::move(fact), 1, usage.round.run);
  if (appended != nullptr) appended->set_start_us(AbsoluteMicroseconds(usage.start));
  return appended != nullptr;
}

bool BatchBuilder::State::Add(const Connection& connection) {
  v1::Connection fact;
  fact.set_connection_id(connection.id);
  fact.set_end(connection.end);
  fact.set_protocol(CleanText(connection.protocol, kMaxTextBytes));
  fact.set_part(connection.part);
  fact.set_duration_us(Microseconds(connection.duration));
  fact.set_sent_transport_bytes(connection.sent.count());
  fact.set_received_transport_bytes(connection.received.count());
  fact.set_handshakes(connection.handshakes);
  fact.set_retransmitted_bytes(connection.retransmitted.count());
  v1::Connection* const appended =
      Append(std::move(fact), 1, AdmittedPeer(connection.peer), &v1::Connection::set_peer);
  if (appended != nullptr) appended->set_start_us(AbsoluteMicroseconds(connection.start));
  return appended != nullptr;
}

bool BatchBuilder::State::Add(const RunEvent& event) {
  v1::RunEvent fact;
  fact.set_outcome(event.outcome);
  fact.set_name(CleanText(event.name, kMaxTextBytes));
  fact.set_planned_rounds(event.planned_rounds);
  v1::RunEvent* const appended = Append(std::move(fact), 1, event.run);
  if (appended != nullptr) appended->set_time_us(AbsoluteMicroseconds(event.time));
  return appended != nullptr;
}

bool BatchBuilder::State::Add(const RoundEvent& event) {
  if (event.round > kMaxRound) return false;  // of no round, it would say nothing
  v1::RoundEvent fact;
  fact.set_round(event.round);
  fact.set_outcome(event.outcome);
  v1::RoundEvent* const appended = Append(std::move(fact), 1, event.run);
  if (appended != nullptr) appended->set_time_us(AbsoluteMicroseconds(event.time));
  return appended != nullptr;
}

bool BatchBuilder::State::Add(const v1::Node& node) {
  v1::Node fact = node;
  fact.set_country(CleanText(node.country(), kMaxTextBytes));
  fact.set_cpu_model(CleanText(node.cpu_model(), kMaxTextBytes));
  fact.set_software_version(CleanText(node.software_version(), kMaxTextBytes));
  for (v1::Accelerator& accelerator : *fact.mutable_accelerators()) {
    accelerator.set_model(CleanText(accelerator.model(), kMaxTextBytes));
  }
  return Append(std::move(fact), 0) != nullptr;
}

bool BatchBuilder::State::Add(const Binding& binding) {
  v1::Binding fact;
  fact.set_key(binding.key);
  if (const auto round = AdmittedRound(binding.round.round)) fact.set_round(*round);
  return Append(std::move(fact), 0, binding.round.run) != nullptr;
}

bool BatchBuilder::State::Add(const ClockReading& reading) {
  v1::ClockReading fact;
  fact.set_offset_us(absl::ToInt64Microseconds(reading.offset));
  fact.set_round_trip_us(Microseconds(reading.round_trip));
  v1::ClockReading* const appended = Append(std::move(fact), 1);
  if (appended != nullptr) appended->set_time_us(AbsoluteMicroseconds(reading.time));
  return appended != nullptr;
}

bool BatchBuilder::State::Add(const Gap& gap) {
  v1::Gap fact;
  fact.set_reason(gap.reason);
  fact.set_facts(gap.facts);
  fact.set_bytes(gap.bytes.count());
  fact.set_detail(CleanText(gap.detail, kMaxTextBytes));
  v1::Gap* const appended = Append(std::move(fact), 2);
  if (appended == nullptr) return false;
  appended->set_from_us(AbsoluteMicroseconds(gap.from));
  appended->set_to_us(AbsoluteMicroseconds(gap.to));
  return true;
}

bool BatchBuilder::State::Add(const Overhead& overhead) {
  v1::Overhead fact;
  fact.set_wall_us(Microseconds(overhead.wall));
  fact.set_report_sent_bytes(overhead.report_sent.count());
  fact.set_report_received_bytes(overhead.report_received.count());
  fact.set_context_bytes(overhead.context.count());
  v1::Overhead* const appended = Append(std::move(fact), 1);
  if (appended != nullptr) appended->set_start_us(AbsoluteMicroseconds(overhead.start));
  return appended != nullptr;
}

BatchBuilder::BatchBuilder(size_t max_bytes) : state_(std::make_unique<State>(max_bytes)) {}

BatchBuilder::~BatchBuilder() = default;

bool BatchBuilder::Add(const Fact& fact) {
  return std::visit([this](const auto& held) { return state_->Add(held); }, fact);
}

bool BatchBuilder::empty() const { return state_->empty; }

std::string BatchBuilder::Seal(const BatchId& id, const SealTime& time) {
  v1::Batch& batch = state_->batch;
  const int64_t wall = AbsoluteMicroseconds(time.wall);
  ForEachFactList([&](const auto& list) {
    for (auto& fact : *(batch.*list.mutate)()) MakeRelative(wall, &fact);
  });
  batch.set_format(kBatchFormat);
  batch.set_node(id.node);
  batch.set_epoch(id.epoch);
  batch.set_sequence(id.sequence);
  batch.set_wall_time_us(wall);
  batch.set_monotonic_us(absl::ToInt64Microseconds(time.monotonic));
  batch.set_boot_id(CleanText(time.boot_id, batch_limits::kMaxBootIdBytes));
  v1::SealedBatch sealed;
  batch.SerializeToString(sealed.mutable_batch());
  state_ = std::make_unique<State>(state_->max_bytes);
  std::string bytes = sealed.SerializeAsString();
  FEDCARBON_CHECK(bytes.size() <= kMaxSealedBatchBytes);
  return bytes;
}

}  // namespace fedcarbon
