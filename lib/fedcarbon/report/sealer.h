// Turns facts into numbered batches in the queue, and what was lost into gaps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/report/batch_builder.h"
#include "fedcarbon/report/batch_keeper.h"
#include "fedcarbon/report/batch_queue.h"
#include "fedcarbon/sync/clock.h"

namespace fedcarbon {

/// A reporter names at most this many different methods; further ones are recorded as kOtherMethod.
inline constexpr size_t kMaxMethods = 1'000;

struct SealerOptions {
  std::string node;
  uint64_t epoch = 0;
  size_t batch_bytes = 60'000;
  std::string keep;  // directory for BatchKeeper; empty: none
};

/// Used by one thread. What the queue refuses is lost before it was numbered; its facts are counted and
/// become a Gap in the next batch that the queue takes; the node's description is told again.
class Sealer {
 public:
  /// `queue` and `clock` must outlive this.
  Sealer(SealerOptions options, BatchQueue* queue, const Clock* clock);

  /// Adds a fact to the batch, sealing it first if the fact does not fit beside the others.
  void Add(const Fact& fact);

  /// Counts facts that were lost before they came here, at some time after `since`.
  void CountLost(uint64_t facts, absl::Time since, const char* detail);

  /// Seals what there is, gaps included, into the queue.
  void Seal();

  /// Whether nothing waits to be sealed: no fact, and no gap.
  bool empty() const { return facts_ == 0 && builder_.empty() && gaps_.empty(); }

  /// How many facts the current batch holds.
  uint64_t facts() const { return facts_; }

 private:
  void AddGap(v1::Gap::Reason reason, absl::Time from, uint64_t facts, const char* detail);
  bool AdmitMethod(const std::string& method);
  bool AddToBatch(const Fact& fact);

  /// Seals the batch, which tells the first `told` of the gaps. False if the queue refused it.
  bool Enqueue(size_t told);

  const SealerOptions options_;
  const std::string boot_id_;
  BatchQueue* const queue_;
  const Clock* const clock_;
  std::optional<BatchKeeper> keeper_;

  absl::flat_hash_set<std::string> methods_;  // named so far
  std::optional<v1::Node> node_;              // the last description
  bool node_is_told_ = false;                 // in a batch that the queue took
  bool node_is_due_ = false;                  // was in one that the queue refused

  BatchBuilder builder_;
  uint64_t facts_ = 0;      // in the builder, gaps of gaps_ not counted
  absl::Time first_added_;  // when the first of them came
  std::vector<Gap> gaps_;   // not yet in a batch that the queue took
};

}  // namespace fedcarbon
