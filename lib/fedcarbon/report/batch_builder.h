// Sealing facts into a batch. The format: proto/fedcarbon/v1/README.md.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/report/batch_format.h"

namespace fedcarbon {

/// When a batch was sealed, by the node's clocks.
struct SealTime {
  absl::Time wall;
  absl::Duration monotonic;
  std::string boot_id;
};

/// Collects facts for one batch. Not thread-safe.
///
/// Admits only what may leave a node: a method that is no IsMethodName becomes kOtherMethod, a run or peer
/// that is no IsRunId or IsNodeName becomes unknown. Text for people is cut to kMaxTextBytes, and bytes of it
/// that are not UTF-8 become '?'. Times are kept to the microsecond, within 571 years of 1970.
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

}  // namespace fedcarbon
