// What a fuzzer's bytes say that passes through a connection.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "node/wire/wire.h"
#include "tests/unit/node/wire/recorder.h"

namespace fedcarbon::node::testing {

struct Turn {
  End from;
  bool finishes;  // nothing more comes from there
  std::string_view bytes;
};

/// Turns of both sides, one after the other: a byte with the side (lowest bit) and whether it has sent all
/// (next bit), two bytes of length, and so many bytes. The last turn may be shorter. A side that has finished
/// is silent.
inline std::vector<Turn> Turns(std::string_view input) {
  constexpr size_t kHead = 3;
  std::vector<Turn> turns;
  bool finished[2] = {false, false};
  while (input.size() > kHead) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(input[i]); };
    const End from = (byte(0) & 1) == 0 ? End::kClient : End::kServer;
    const bool finishes = (byte(0) & 2) != 0;
    const std::string_view bytes = input.substr(kHead, size_t{byte(1)} << 8 | byte(2));
    input.remove_prefix(kHead + bytes.size());
    bool& is_over = finished[static_cast<size_t>(from)];
    if (!is_over) turns.push_back({from, finishes, bytes});
    is_over |= finishes;
  }
  return turns;
}

/// Shows them to the decoder, in pieces of at most `size` bytes.
inline void Feed(const std::vector<Turn>& turns, size_t size, Decoder* decoder) {
  for (const Turn& turn : turns) {
    for (std::string_view left = turn.bytes; !left.empty(); left.remove_prefix(std::min(size, left.size()))) {
      const std::string_view piece = left.substr(0, size);
      const std::vector<char> copy(piece.begin(), piece.end());  // of its own: a read past its end is seen
      decoder->Feed(turn.from, {copy.data(), copy.size()});
    }
    if (turn.finishes) decoder->Finish(turn.from);
  }
}

/// Both heard the same: protocols, gaps, calls and their messages.
inline void RequireSame(const Recorder& a, const Recorder& b) {
  Require(a.protocols == b.protocols, "the same protocols");
  Require(a.gaps == b.gaps, "the same gaps");
  Require(a.calls.size() == b.calls.size(), "as many calls");
  for (size_t i = 0; i < a.calls.size(); ++i) Require(*a.calls[i] == *b.calls[i], "the same calls");
}

/// A fuzzer's input, by decoders that `make` makes for a recorder: they hear the same of it, however it is
/// cut.
template <typename MakeDecoder>
void RequireSameHoweverCut(const uint8_t* data, size_t size, const MakeDecoder& make) {
  const auto turns = Turns({reinterpret_cast<const char*>(data), size});
  Recorder whole, cut;
  for (const auto& [piece, recorder] : {std::pair(SIZE_MAX, &whole), std::pair(size_t{1}, &cut)}) {
    auto decoder = make(recorder);
    Feed(turns, piece, &decoder);
  }
  RequireSame(whole, cut);
}

}  // namespace fedcarbon::node::testing
