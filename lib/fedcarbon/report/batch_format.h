// What the writer and the reader of batches share; the format: proto/fedcarbon/v1/README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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

}  // namespace fedcarbon
