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
  testing::RequireSame(whole, cut);
  return 0;
}
