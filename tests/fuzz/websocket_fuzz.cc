// A WebSocket from both sides: the same messages, however the bytes are cut.
#include "node/wire/websocket_decoder.h"
#include "tests/fuzz/conversation.h"

using namespace fedcarbon::node;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  testing::RequireSameHoweverCut(data, size, [](testing::Recorder* recorder) {
    return WebSocketDecoder(recorder, recorder->NewCall());
  });
  return 0;
}
