#include "fedcarbon/report/batch.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/report/batch_limits.h"
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

absl::Status FirstError(std::initializer_list<absl::Status> checks) {
  for (const absl::Status& check : checks) {
    if (!check.ok()) return check;
  }
  return absl::OkStatus();
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

absl::Status CheckTransfers(const v1::Batch& batch) {
  for (int i = 0; i < batch.transfers_size(); ++i) {
    const Place place{"transfers", i};
    const v1::Transfers& group = batch.transfers(i);
    absl::Status status = FirstError({CheckName(batch, place, "method", group.method(), IsMethodName),
                                      CheckName(batch, place, "peer", group.peer(), IsNodeName),
                                      CheckRun(batch, place, group.run()), CheckColumns(group, place)});
    if (!status.ok()) return status;
    for (const uint64_t duration : group.duration_us()) {
      status.Update(CheckDuration(place, "duration_us", duration));
    }
    for (const uint32_t code : group.status()) {
      if (code > batch_limits::kMaxStatus)
        return Malformed(place, "status", absl::StrCat(code, " is unknown"));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

/// Checks each entry of a list with `check(entry, place)`.
template <typename List, typename Check>
absl::Status CheckEach(const char* name, const List& list, const Check& check) {
  for (int i = 0; i < list.size(); ++i) {
    if (absl::Status status = check(list.Get(i), Place{name, i}); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckOtherFacts(const v1::Batch& batch) {
  return FirstError({
      CheckEach("nodes", batch.nodes(),
                [&](const v1::Node& node, Place place) {
                  return FirstError({CheckText(place, "country", node.country()),
                                     CheckText(place, "cpu_model", node.cpu_model()),
                                     CheckText(place, "software_version", node.software_version())});
                }),
      CheckEach(
          "run_events", batch.run_events(),
          [&](const v1::RunEvent& event, Place place) {
            return FirstError({CheckRun(batch, place, event.run()), CheckText(place, "name", event.name())});
          }),
      CheckEach(
          "round_events", batch.round_events(),
          [&](const v1::RoundEvent& event, Place place) { return CheckRun(batch, place, event.run()); }),
      CheckEach("spans", batch.spans(),
                [&](const v1::Span& span, Place place) {
                  return FirstError(
                      {CheckRun(batch, place, span.run()), CheckDuration(place, "wall_us", span.wall_us())});
                }),
      CheckEach("usages", batch.usages(),
                [&](const v1::Usage& usage, Place place) {
                  return FirstError({CheckRun(batch, place, usage.run()),
                                     CheckDuration(place, "wall_us", usage.wall_us()),
                                     CheckDuration(place, "cpu_us", usage.cpu_us()),
                                     CheckDuration(place, "accelerator_us", usage.accelerator_us())});
                }),
      CheckEach("energies", batch.energies(),
                [&](const v1::Energy& energy, Place place) {
                  return FirstError({CheckRun(batch, place, energy.run()),
                                     CheckDuration(place, "wall_us", energy.wall_us())});
                }),
      CheckEach("connections", batch.connections(),
                [&](const v1::Connection& connection, Place place) {
                  return FirstError({CheckName(batch, place, "peer", connection.peer(), IsNodeName),
                                     CheckText(place, "protocol", connection.protocol()),
                                     CheckDuration(place, "duration_us", connection.duration_us())});
                }),
      CheckEach(
          "bindings", batch.bindings(),
          [&](const v1::Binding& binding, Place place) { return CheckRun(batch, place, binding.run()); }),
      CheckEach("clocks", batch.clocks(),
                [&](const v1::Clock& clock, Place place) {
                  return CheckDuration(place, "round_trip_us", clock.round_trip_us());
                }),
      CheckEach("gaps", batch.gaps(),
                [&](const v1::Gap& gap, Place place) { return CheckText(place, "detail", gap.detail()); }),
      CheckEach("overheads", batch.overheads(),
                [&](const v1::Overhead& overhead, Place place) {
                  return CheckDuration(place, "wall_us", overhead.wall_us());
                }),
  });
}

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
  if (absl::Status status = CheckHeader(opened.batch); !status.ok()) return status;
  if (absl::Status status = CheckTransfers(opened.batch); !status.ok()) return status;
  if (absl::Status status = CheckOtherFacts(opened.batch); !status.ok()) return status;
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
