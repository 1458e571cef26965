// WebSocket frames as bytes, made by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "node/wire/wire.h"

namespace fedcarbon::node::testing {

constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kDeflated = 0x40;  // RSV1
constexpr uint8_t kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

/// A frame of `from`: a client's is masked. `first`: its first byte, flags and opcode.
inline std::string WebSocketFrame(End from, uint8_t first, std::string_view payload) {
  const size_t size = payload.size();
  std::string frame(1, static_cast<char>(first));
  const uint8_t mask = from == End::kClient ? 0x80 : 0;
  const size_t length_bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  frame += static_cast<char>(mask | (length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127));
  for (size_t i = length_bytes; i > 0; --i) frame += static_cast<char>(uint64_t{size} >> 8 * (i - 1));
  if (mask == 0) return frame.append(payload);
  constexpr std::string_view kMask = "\x01\xfe\x80\x7f";
  frame += kMask;
  for (size_t i = 0; i < size; ++i) frame += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return frame;
}

}  // namespace fedcarbon::node::testing
