// Sealed batches on their way to a coordinator.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fedcarbon/units/units.h"

namespace fedcarbon {

/// Keeps the sealed batches of one epoch, in the order of their sequence and without holes, until they are
/// freed. Used by one thread.
class BatchQueue {
 public:
  virtual ~BatchQueue() = default;

  /// Keeps batch next(). RESOURCE_EXHAUSTED if it does not fit: then it is not kept and its sequence stays
  /// free for another.
  virtual absl::Status Append(std::string sealed) = 0;

  /// A batch that is held; NOT_FOUND else.
  virtual absl::StatusOr<std::string> Read(uint64_t sequence) const = 0;

  /// Frees every batch at or below `watermark`, which is below next().
  virtual void Free(uint64_t watermark) = 0;

  /// The sequence of the oldest batch held; next() if none is.
  virtual uint64_t oldest() const = 0;

  /// The sequence that the next batch gets; from 1.
  virtual uint64_t next() const = 0;
};

/// In memory: what it holds is lost with the process.
class MemoryBatchQueue : public BatchQueue {
 public:
  /// Holds at most `capacity` of sealed batches.
  explicit MemoryBatchQueue(Bytes capacity) : capacity_(capacity) {}

  absl::Status Append(std::string sealed) override;
  absl::StatusOr<std::string> Read(uint64_t sequence) const override;
  void Free(uint64_t watermark) override;
  uint64_t oldest() const override { return oldest_; }
  uint64_t next() const override { return oldest_ + batches_.size(); }

 private:
  const Bytes capacity_;
  Bytes held_;
  uint64_t oldest_ = 1;
  std::deque<std::string> batches_;  // the first is batch oldest_
};

}  // namespace fedcarbon
