// Reading a sealed batch. The format: proto/fedcarbon/v1/README.md.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/report/batch_format.h"

namespace fedcarbon {

/// A sealed batch that was read and found well-formed.
struct OpenedBatch {
  v1::Batch batch;
  bool is_signed = false;

  BatchId id() const { return {batch.node(), batch.epoch(), batch.sequence()}; }

  /// Text of an index into Batch.strings; empty for 0.
  const std::string& text(uint32_t index) const;

  /// UTC of a fact's relative time.
  absl::Time time(int64_t relative_us) const {
    return absl::FromUnixMicros(batch.wall_time_us()) + absl::Microseconds(relative_us);
  }
};

/// Decodes and checks: size, format, node name, epoch, sequence, string indexes, columns of equal length,
/// names within their limits. INVALID_ARGUMENT for what is malformed, FAILED_PRECONDITION for a newer format,
/// RESOURCE_EXHAUSTED for one that is too large; the message names the place.
absl::StatusOr<OpenedBatch> OpenSealedBatch(std::string_view sealed);

/// All transfers of a batch as facts, groups and columns undone.
std::vector<Transfer> ExpandTransfers(const OpenedBatch& batch);

/// How many facts a batch holds, of every kind that this version knows.
uint64_t CountFacts(const v1::Batch& batch);

/// Fields, at any depth, that this version does not know: facts and fields of a newer one. They stay in the
/// sealed bytes.
uint64_t CountUnknownFields(const google::protobuf::Message& message);

}  // namespace fedcarbon
