// The messages are those that a plain reading of all bytes at once finds, however they are cut.
#include <cstdint>
#include <optional>
#include <string_view>

#include "node/wire/grpc_messages.h"
#include "tests/unit/node/wire/recorder.h"

using fedcarbon::node::GrpcMessages;
using fedcarbon::node::testing::Require;

/// The first byte is the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || data[0] == 0) return 0;
  const size_t piece_size = data[0];
  const std::string_view all(reinterpret_cast<const char*>(data + 1), size - 1);
  GrpcMessages messages;
  uint64_t whole = 0, encoded = 0;
  bool broken = false;
  for (size_t at = 0; at < all.size() && !broken; at += piece_size) {
    std::string_view piece = all.substr(at, piece_size);
    while (!piece.empty() && !broken) {
      const auto next = messages.Next(&piece);
      broken = !next.has_value();
      if (broken) break;
      whole += next->ends;
      encoded += next->encoded.count();
    }
  }

  uint64_t expected_whole = 0;
  size_t at = 0;
  bool expected_broken = false;
  while (at < all.size()) {
    if (static_cast<uint8_t>(all[at]) > 1) {
      expected_broken = true;
      break;
    }
    if (all.size() - at < 5) break;
    uint64_t length = 0;
    for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<uint8_t>(all[at + i]);
    if (all.size() - at - 5 < length) break;
    ++expected_whole;
    at += 5 + length;
  }
  Require(broken == expected_broken, "it breaks at a wrong flag");
  Require(whole == expected_whole, "as many messages");
  Require(encoded == (expected_broken ? at : all.size()), "as many bytes");
  return 0;
}
