// Sealing facts into a batch, and reading a sealed batch. The format: proto/fedcarbon/v1/README.md.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"

namespace fedcarbon {

/// The bytes of a SealedBatch never exceed this: a C2SP tile entry.
inline constexpr size_t kMaxSealedBatchBytes = 65'535;

/// What a method is recorded as that may not be named.
inline constexpr std::string_view kOtherMethod = "other";

/// Text for people (a run's name, a gap's detail, a node's description) is at most this long.
inline constexpr size_t kMaxTextBytes = 256;

/// The version that this code writes, and the greatest that it reads.
inline constexpr uint32_t kBatchFormat = 1;

/// Names a batch for ever.
struct BatchId {
  std::string node;
  uint64_t epoch = 0;
  uint64_t sequence = 0;

  friend bool operator==(const BatchId& a, const BatchId& b) {
    return a.sequence == b.sequence && a.epoch == b.epoch && a.node == b.node;
  }
  friend bool operator<(const BatchId& a, const BatchId& b) {
    if (a.node != b.node) return a.node < b.node;
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.sequence < b.sequence;
  }
};

/// When a batch was sealed, by the node's clocks.
struct SealTime {
  absl::Time wall;
  absl::Duration monotonic;
  std::string boot_id;
};

/// Collects facts for one batch. Not thread-safe.
///
/// Admits only what facts.md lets leave a node: a method that is no IsMethodName becomes kOtherMethod, a run
/// or peer that is no IsRunId or IsNodeName becomes unknown. Text for people is cut to kMaxTextBytes, and
/// bytes of it that are not UTF-8 become '?'. Times are kept to the microsecond, within 571 years of 1970.
class BatchBuilder {
 public:
  /// `max_bytes` bounds the sealed bytes; at most kMaxSealedBatchBytes count.
  explicit BatchBuilder(size_t max_bytes);
  ~BatchBuilder();

  /// Adds a fact. False if it might not fit beside those already there: seal, and add it to the next batch. A
  /// fact that does not fit into an empty batch never will.
  bool Add(const Fact& fact);

  bool empty() const;

  /// Encodes what was added, once, as the bytes of a SealedBatch (unsigned), and starts anew. `id.node` is an
  /// IsNodeName.
  std::string Seal(const BatchId& id, const SealTime& time);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

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

/// Fields, at any depth, that this version does not know: facts and fields of a newer one. They stay in the
/// sealed bytes.
uint64_t CountUnknownFields(const google::protobuf::Message& message);

}  // namespace fedcarbon
