// gRPC's framing: each message behind a flag byte and four bytes of length.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Finds the messages in what one side sends in one call. Holds five bytes of a prefix and no byte of a
/// message: a length up to 4 GiB costs nothing. Not thread-safe.
class GrpcMessages {
 public:
  /// Takes from the front of `bytes`, which must not be empty, up to the end of a message or of `bytes`.
  /// None: the flag byte is neither 0 nor 1 (compressed), and nothing can be read from here on.
  std::optional<MessagePiece> Next(std::string_view* bytes);

 private:
  static constexpr uint8_t kPrefixBytes = 5;

  uint32_t left_ = 0;   // of the length's bytes read so far, then of the message
  uint8_t prefix_ = 0;  // bytes of the prefix that have passed; 0: between messages
  bool compressed_ = false;
};

}  // namespace fedcarbon::node
