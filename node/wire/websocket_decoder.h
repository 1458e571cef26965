// WebSocket (RFC 6455): the messages of one connection after its upgrade.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Reads a connection from the first byte of either side after the 101. It is one call, that of the request
/// which asked for it, and its messages are the data messages: payload without frame headers; a message of
/// several frames is one. A message whose first frame has RSV1 set (permessage-deflate) is compressed. Ping,
/// pong and close are no messages.
///
/// The call ends when each side has sent its close frame or its last byte, and at least one did the former.
/// The first close frame gives the status: 0 for 1000 (normal), 1001 (going away) or no code, else 2. Closed
/// without, the call is cut.
///
/// It stops for good at a frame that RFC 6455 forbids: then the listener hears OnGap, and the call is given
/// up. It keeps a frame's header, at most 14 bytes each way.
class WebSocketDecoder : public Decoder {
 public:
  /// `listener` must outlive this. `call`: null if nobody listens to it.
  WebSocketDecoder(ConnectionListener* listener, std::unique_ptr<CallListener> call);

  void Feed(End from, std::string_view bytes) override;
  void Finish(End from) override;
  uint64_t steps() const override { return steps_; }

 private:
  struct DirectionState {
    std::array<uint8_t, 14> header;
    uint8_t header_bytes = 0;  // how much of it is there
    bool in_frame = false;     // the header is complete
    uint64_t payload = 0;      // of the frame, still to come

    bool in_message = false;  // fragments are to follow
    bool compressed = false;
    bool begun = false;  // the message's first piece is told

    uint32_t close_code = 0;
    uint8_t close_bytes = 0;  // how much of the code is there

    bool over = false;  // nothing more is to come

    size_t header_size() const;
    uint8_t opcode() const { return header[0] & 0x0f; }
    bool final() const { return (header[0] & 0x80) != 0; }
    bool control() const { return (header[0] & 0x08) != 0; }
    bool masked() const { return (header[1] & 0x80) != 0; }

    /// True once the header is complete.
    bool TakeHeader(std::string_view* bytes);

    /// Reads the length. False: one that is not the shortest form, or above 2^63 - 1.
    bool ReadLength();
  };

  DirectionState& direction(End end) { return end == End::kClient ? client_ : server_; }

  void BeginFrame(End from);
  void TakePayload(End from, std::string_view* bytes);
  void EndDirection(End from);
  void StopDecoding(const char* why);

  ConnectionListener* const listener_;
  std::unique_ptr<CallListener> call_;
  DirectionState client_;
  DirectionState server_;
  std::optional<int> status_;  // once a close frame has come
  bool lost_ = false;
  uint64_t steps_ = 0;
};

}  // namespace fedcarbon::node
