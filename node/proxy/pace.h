// How much of one direction is read at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fedcarbon::node {

/// The size of a read is what the cost of bulk hangs on: one system call per read and write. But bytes that
/// are made of the smallest frames take a hundred times as long to decode, and all other connections of the
/// thread wait meanwhile. So a direction begins with small reads, which grow with what passes as long as
/// decoding it is cheap; where it is not, they are as small as kSteps ask for. Only the read that first shows
/// it was too large. Not thread-safe.
class Pace {
 public:
  static constexpr size_t kMinRead = 16 << 10;
  static constexpr size_t kFirstRead = 64 << 10;
  static constexpr size_t kMaxRead = 1 << 20;

  /// Of decoding (Decoder::steps()), in a read: some milliseconds of the dearest ones.
  static constexpr uint64_t kSteps = 16'384;

  /// So many bytes have passed, and taken so many steps.
  void Passed(size_t bytes, uint64_t steps);

  /// Of the next read: kMinRead to kMaxRead.
  size_t read_size() const { return read_size_; }

 private:
  size_t read_size_ = kFirstRead;
};

}  // namespace fedcarbon::node
