#include "fedcarbon/report/batch_reader.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/report/batch_limits.h"
#include "fedcarbon/report/fact_lists.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/names.h"

namespace fedcarbon {
namespace {

/// Where in a batch something is: "transfers[3].call_id".
struct Place {
  const char* list;
  int index;
};

absl::Status Malformed(Place place, absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("malformed batch: ", place.list, "[", place.index, "].", field, ": ", what));
}

absl::Status CheckName(const v1::Batch& batch, Place place, absl::string_view field, uint32_t index,
                       bool (*is_valid)(std::string_view)) {
  if (index == 0) return absl::OkStatus();
  if (index > static_cast<uint32_t>(batch.strings_size())) {
    return Malformed(place, field, absl::StrCat("index ", index, " of ", batch.strings_size(), " strings"));
  }
  if (!is_valid(batch.strings(static_cast<int>(index) - 1))) {
    return Malformed(place, field, "not within the limits of a name");
  }
  return absl::OkStatus();
}

absl::Status CheckRun(const v1::Batch& batch, Place place, uint32_t index) {
  return CheckName(batch, place, "run", index, IsRunId);
}

absl::Status CheckDuration(Place place, absl::string_view field, uint64_t microseconds) {
  if (microseconds <= batch_limits::kMaxMicroseconds) return absl::OkStatus();
  return Malformed(place, field, absl::StrCat(microseconds, " us is no duration"));
}

absl::Status CheckText(Place place, absl::string_view field, const std::string& text) {
  if (text.size() <= kMaxTextBytes) return absl::OkStatus();
  return Malformed(place, field, absl::StrCat(text.size(), " bytes, at most ", kMaxTextBytes));
}

absl::Status CheckColumns(const v1::Transfers& group, Place place) {
  const int rows = group.call_id_size();
  if (rows == 0) return Malformed(place, "call_id", "a group without transfers");
  const std::pair<const char*, int> columns[] = {
      {"start_us", group.start_us_size()},
      {"duration_us", group.duration_us_size()},
      {"attempt", group.attempt_size()},
      {"part", group.part_size()},
      {"status", group.status_size()},
      {"binding", group.binding_size()},
      {"sent_messages", group.sent_messages_size()},
      {"sent_message_bytes", group.sent_message_bytes_size()},
      {"sent_encoded_bytes", group.sent_encoded_bytes_size()},
      {"sent_header_bytes", group.sent_header_bytes_size()},
      {"received_messages", group.received_messages_size()},
      {"received_message_bytes", group.received_message_bytes_size()},
      {"received_encoded_bytes", group.received_encoded_bytes_size()},
      {"received_header_bytes", group.received_header_bytes_size()},
  };
  for (const auto& [name, size] : columns) {
    if (size != 0 && size != rows) {
      return Malformed(place, name, absl::StrCat(size, " entries for ", rows, " transfers"));
    }
  }
  if (group.start_us_size() == 0) return Malformed(place, "start_us", "absent");
  return absl::OkStatus();
}

// One for each kind of fact: what the reader would otherwise have to trust.

absl::Status Check(const v1::Batch&, Place place, const v1::Node& node) {
  RETURN_IF_ERROR(FirstError({CheckText(place, "country", node.country()),
                              CheckText(place, "cpu_model", node.cpu_model()),
                              CheckText(place, "software_version", node.software_version())}));
  for (const v1::Accelerator& accelerator : node.accelerators()) {
    RETURN_IF_ERROR(CheckText(place, "accelerators.model", accelerator.model()));
  }
  return absl::OkStatus();
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::RunEvent& event) {
  return FirstError({CheckRun(batch, place, event.run()), CheckText(place, "name", event.name())});
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::RoundEvent& event) {
  return CheckRun(batch, place, event.run());
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::Transfers& group) {
  RETURN_IF_ERROR(FirstError({CheckName(batch, place, "method", group.method(), IsMethodName),
                              CheckName(batch, place, "peer", group.peer(), IsNodeName),
                              CheckRun(batch, place, group.run()), CheckColumns(group, place)}));
  for (const uint64_t duration : group.duration_us()) {
    RETURN_IF_ERROR(CheckDuration(place, "duration_us", duration));
  }
  for (const uint32_t code : group.status()) {
    if (code > batch_limits::kMaxStatus) return Malformed(place, "status", absl::StrCat(code, " is unknown"));
  }
  return absl::OkStatus();
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::Span& span) {
  return FirstError({CheckRun(batch, place, span.run()), CheckDuration(place, "wall_us", span.wall_us())});
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::Usage& usage) {
  return FirstError({CheckRun(batch, place, usage.run()), CheckDuration(place, "wall_us", usage.wall_us()),
                     CheckDuration(place, "cpu_us", usage.cpu_us()),
                     CheckDuration(place, "accelerator_us", usage.accelerator_us())});
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::Energy& energy) {
  return FirstError(
      {CheckRun(batch, place, energy.run()), CheckDuration(place, "wall_us", energy.wall_us())});
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::Connection& connection) {
  return FirstError({CheckName(batch, place, "peer", connection.peer(), IsNodeName),
                     CheckText(place, "protocol", connection.protocol()),
                     CheckDuration(place, "duration_us", connection.duration_us())});
}

absl::Status Check(const v1::Batch& batch, Place place, const v1::Binding& binding) {
  return CheckRun(batch, place, binding.run());
}

absl::Status Check(const v1::Batch&, Place place, const v1::ClockReading& clock) {
  return CheckDuration(place, "round_trip_us", clock.round_trip_us());
}

absl::Status Check(const v1::Batch&, Place place, const v1::Gap& gap) {
  return CheckText(place, "detail", gap.detail());
}

absl::Status Check(const v1::Batch&, Place place, const v1::Overhead& overhead) {
  return CheckDuration(place, "wall_us", overhead.wall_us());
}

/// The first fact that is malformed.
absl::Status CheckFacts(const v1::Batch& batch) {
  absl::Status status;
  ForEachFactList([&](const auto& list) {
    const auto& facts = (batch.*list.get)();
    for (int i = 0; i < facts.size() && status.ok(); ++i) {
      status = Check(batch, Place{list.name, i}, facts.Get(i));
    }
  });
  return status;
}

template <typename Message>
uint64_t FactsIn(const Message&) {
  return 1;
}
uint64_t FactsIn(const v1::Transfers& group) { return static_cast<uint64_t>(group.call_id_size()); }

absl::Status CheckHeader(const v1::Batch& batch) {
  if (batch.format() == 0) return absl::InvalidArgumentError("malformed batch: no format");
  if (batch.format() > kBatchFormat) {
    return absl::FailedPreconditionError(absl::StrCat("batch of format ", batch.format(),
                                                      ": this version reads ", kBatchFormat,
                                                      "; update the coordinator"));
  }
  if (!IsNodeName(batch.node())) {
    return absl::InvalidArgumentError(
        "malformed batch: node is no lower-case DNS name of at most 253 characters");
  }
  if (batch.epoch() == 0) return absl::InvalidArgumentError("malformed batch: no epoch");
  if (batch.sequence() == 0) return absl::InvalidArgumentError("malformed batch: no sequence");
  if (batch.wall_time_us() > batch_limits::kMaxMicroseconds ||
      batch.wall_time_us() < -batch_limits::kMaxMicroseconds) {
    return absl::InvalidArgumentError("malformed batch: wall_time_us is no time");
  }
  if (batch.boot_id().size() > batch_limits::kMaxBootIdBytes) {
    return absl::InvalidArgumentError("malformed batch: boot_id is too long");
  }
  return absl::OkStatus();
}

template <typename Column>
std::optional<Bytes> BytesAt(const Column& column, int row) {
  if (column.empty()) return std::nullopt;
  return Bytes(column.Get(row));
}

template <typename Column>
auto ValueAt(const Column& column, int row) {
  return column.empty() ? 0 : column.Get(row);
}

Transfer ExpandTransfer(const OpenedBatch& batch, const v1::Transfers& group, int row) {
  Transfer transfer;
  transfer.call_id = group.call_id(row);
  transfer.end = group.end();
  transfer.observer = group.observer();
  transfer.waste = group.waste();
  transfer.attempt = ValueAt(group.attempt(), row);
  transfer.part = ValueAt(group.part(), row);
  transfer.peer = batch.text(group.peer());
  transfer.method = batch.text(group.method());
  transfer.round.run = batch.text(group.run());
  if (group.has_round()) transfer.round.round = group.round();
  transfer.binding = ValueAt(group.binding(), row);
  transfer.start = batch.time(group.start_us(row));
  transfer.duration = absl::Microseconds(static_cast<int64_t>(ValueAt(group.duration_us(), row)));
  const uint32_t status = ValueAt(group.status(), row);
  if (status != 0) transfer.status = static_cast<int>(status) - 1;
  transfer.answered = !group.unanswered();
  transfer.sent = {ValueAt(group.sent_messages(), row), BytesAt(group.sent_message_bytes(), row),
                   BytesAt(group.sent_encoded_bytes(), row), BytesAt(group.sent_header_bytes(), row),
                   group.sent_kind()};
  transfer.received = {ValueAt(group.received_messages(), row), BytesAt(group.received_message_bytes(), row),
                       BytesAt(group.received_encoded_bytes(), row),
                       BytesAt(group.received_header_bytes(), row), group.received_kind()};
  return transfer;
}

}  // namespace

const std::string& OpenedBatch::text(uint32_t index) const {
  static const std::string& absent = *new std::string;
  if (index == 0 || index > static_cast<uint32_t>(batch.strings_size())) return absent;
  return batch.strings(static_cast<int>(index) - 1);
}

absl::StatusOr<OpenedBatch> OpenSealedBatch(std::string_view sealed) {
  if (sealed.size() > kMaxSealedBatchBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("sealed batch of ", sealed.size(), " bytes: at most ", kMaxSealedBatchBytes));
  }
  v1::SealedBatch envelope;
  if (!envelope.ParseFromArray(sealed.data(), static_cast<int>(sealed.size()))) {
    return absl::InvalidArgumentError("malformed batch: not a SealedBatch");
  }
  OpenedBatch opened;
  opened.is_signed = !envelope.signature().empty();
  if (!opened.batch.ParseFromString(envelope.batch())) {
    return absl::InvalidArgumentError("malformed batch: SealedBatch.batch is not a Batch");
  }
  RETURN_IF_ERROR(CheckHeader(opened.batch));
  RETURN_IF_ERROR(CheckFacts(opened.batch));
  return opened;
}

std::vector<Transfer> ExpandTransfers(const OpenedBatch& batch) {
  std::vector<Transfer> transfers;
  for (const v1::Transfers& group : batch.batch.transfers()) {
    for (int row = 0; row < group.call_id_size(); ++row) {
      transfers.push_back(ExpandTransfer(batch, group, row));
    }
  }
  return transfers;
}

uint64_t CountFacts(const v1::Batch& batch) {
  uint64_t count = 0;
  ForEachFactList([&](const auto& list) {
    for (const auto& fact : (batch.*list.get)()) count += FactsIn(fact);
  });
  return count;
}

uint64_t CountUnknownFields(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  uint64_t count = static_cast<uint64_t>(reflection.GetUnknownFields(message).field_count());
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      count += CountUnknownFields(reflection.GetMessage(message, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      count += CountUnknownFields(reflection.GetRepeatedMessage(message, field, i));
    }
  }
  return count;
}

}  // namespace fedcarbon
