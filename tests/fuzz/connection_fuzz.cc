// A whole connection: recognised, upgraded and decoded alike, however the bytes are cut.
#include <cstdint>
#include <string_view>

#include "node/wire/connection_decoder.h"
#include "tests/fuzz/conversation.h"
#include "tests/unit/node/wire/recorder.h"

using namespace fedcarbon::node;

namespace {

void Decode(const std::vector<testing::Turn>& turns, size_t piece, testing::Recorder* recorder) {
  const WireLimits limits = {4, fedcarbon::Bytes(2'000), fedcarbon::Bytes(8'192)};
  ConnectionDecoder decoder(recorder, &HeaderNames::Standard(), &limits);
  testing::Feed(turns, piece, &decoder);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto turns = testing::Turns({reinterpret_cast<const char*>(data), size});
  testing::Recorder whole, cut;
  Decode(turns, SIZE_MAX, &whole);
  Decode(turns, 1, &cut);
  // A server that speaks first is heard once the client's protocol is known: that moment depends on the cuts.
  constexpr size_t kRecognised = 24;
  const bool starts_with_client =
      !turns.empty() && turns[0].from == Side::kClient && turns[0].bytes.size() >= kRecognised;
  if (starts_with_client) testing::RequireSame(whole, cut);
  return 0;
}
