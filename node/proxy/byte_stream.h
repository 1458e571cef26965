// One leg of a relay: bytes in and out of a non-blocking socket, with or without TLS around them.
#pragma once

#include <cstddef>
#include <string_view>

#include "fedcarbon/units/units.h"

namespace fedcarbon::node {

/// Used by one thread. Does not own its descriptor, which outlives it.
class ByteStream {
 public:
  /// What more there is to read.
  enum class After {
    kMore,       // the buffer was filled
    kDrained,    // nothing until the kernel says otherwise
    kEnd,        // the peer has sent all
    kTruncated,  // TLS: the connection ended, and the peer had not said that it has sent all
    kBroken,     // reset by the peer, or by us
  };
  struct ReadResult {
    size_t bytes = 0;
    After after = After::kDrained;
  };

  struct WriteResult {
    size_t bytes = 0;
    bool broken = false;  // nothing can be written any more
  };

  virtual ~ByteStream() = default;

  /// Reads as much as there is and fits. `ending`: there may be more after a short read, such as an end.
  virtual ReadResult Read(char* buffer, size_t size, bool ending) = 0;

  /// Writes what the kernel takes. Fewer bytes than given, and not broken: wait until the descriptor is
  /// writable.
  virtual WriteResult Write(std::string_view bytes) = 0;

  /// Says that nothing follows. `truncated`: as one says it who was interrupted (TLS: without close_notify).
  /// False: the kernel has no room for that; again when the descriptor is writable.
  virtual bool FinishWriting(bool truncated) = 0;

  /// Bytes below TLS: what TCP carried for this leg.
  virtual Bytes transport_sent() const = 0;
  virtual Bytes transport_received() const = 0;
};

/// The bytes themselves.
class PlainStream : public ByteStream {
 public:
  explicit PlainStream(int fd) : fd_(fd) {}

  ReadResult Read(char* buffer, size_t size, bool ending) override;
  WriteResult Write(std::string_view bytes) override;
  bool FinishWriting(bool truncated) override;
  Bytes transport_sent() const override { return sent_; }
  Bytes transport_received() const override { return received_; }

 private:
  const int fd_;
  Bytes sent_;
  Bytes received_;
};

}  // namespace fedcarbon::node
