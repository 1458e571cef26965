// HTTP/2 from both sides: the same calls, however the bytes are cut.
#include "node/wire/http2_decoder.h"
#include "tests/fuzz/conversation.h"

using namespace fedcarbon::node;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const WireLimits limits = {4, fedcarbon::Bytes(2'000), fedcarbon::Bytes(8'192)};
  testing::RequireSameHoweverCut(data, size, [](testing::Recorder* recorder) {
    return Http2Decoder(recorder, &HeaderNames::Standard(), &limits);
  });
  return 0;
}
