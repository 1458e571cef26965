#include "node/wire/grpc_messages.h"

#include <algorithm>

namespace fedcarbon::node {

std::optional<MessagePiece> GrpcMessages::Next(std::string_view* bytes) {
  MessagePiece piece;
  piece.begins = prefix_ == 0;
  size_t taken = 0;
  while (prefix_ < kPrefixBytes && taken < bytes->size()) {
    const auto byte = static_cast<uint8_t>((*bytes)[taken++]);
    if (prefix_++ == 0) {
      if (byte > 1) return std::nullopt;
      compressed_ = byte == 1;
    } else {
      left_ = left_ << 8 | byte;
    }
  }
  size_t of_message = 0;
  if (prefix_ == kPrefixBytes) {
    of_message = std::min<size_t>(left_, bytes->size() - taken);
    left_ -= static_cast<uint32_t>(of_message);
    piece.ends = left_ == 0;
    if (piece.ends) prefix_ = 0;
  }
  piece.encoded = Bytes(taken + of_message);
  if (!compressed_) piece.message = Bytes(of_message);
  bytes->remove_prefix(taken + of_message);
  return piece;
}

}  // namespace fedcarbon::node
