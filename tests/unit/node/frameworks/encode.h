// Protobuf's encoding, by hand: for messages of which no schema is here.
#pragma once

#include <cstdint>
#include <string>

namespace fedcarbon::node::testing {

inline std::string Number(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

inline std::string Varint(uint32_t field, uint64_t value) { return Number(field << 3) + Number(value); }

inline std::string Fixed64(uint32_t field, uint64_t value) {
  std::string bytes = Number(field << 3 | 1);
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}

inline std::string Delimited(uint32_t field, const std::string& value) {
  return Number(field << 3 | 2) + Number(value.size()) + value;
}

}  // namespace fedcarbon::node::testing
