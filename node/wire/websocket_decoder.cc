#include "node/wire/websocket_decoder.h"

#include <algorithm>
#include <utility>

namespace fedcarbon::node {

namespace {

// Opcodes; those of control frames have the bit 8.
constexpr uint8_t kContinuation = 0;
constexpr uint8_t kText = 1;
constexpr uint8_t kBinary = 2;
constexpr uint8_t kClose = 8;
constexpr uint8_t kPong = 10;

constexpr uint8_t kReserved1 = 0x40;
constexpr uint8_t kReserved23 = 0x30;

constexpr uint32_t kNormal = 1000;
constexpr uint32_t kGoingAway = 1001;

/// How many bytes follow the header's second byte for the length that it begins.
constexpr size_t LengthBytes(uint8_t second) {
  const uint8_t length = second & 0x7f;
  return length == 127 ? 8 : length == 126 ? 2 : 0;
}

}  // namespace

WebSocketDecoder::WebSocketDecoder(ConnectionListener* listener, std::unique_ptr<CallListener> call)
    : listener_(listener), call_(std::move(call)) {}

void WebSocketDecoder::Feed(End from, std::string_view bytes) {
  DirectionState& sender = direction(from);
  while (!bytes.empty() && !lost_) {
    if (sender.over) return StopDecoding("something after a WebSocket's close frame");
    if (!sender.in_frame) {
      if (!sender.TakeHeader(&bytes)) return;
      BeginFrame(from);
    }
    if (!lost_) TakePayload(from, &bytes);  // also of none: the frame ends
  }
}

void WebSocketDecoder::Finish(End from) {
  if (!lost_ && !direction(from).over) EndDirection(from);
}

size_t WebSocketDecoder::DirectionState::header_size() const {
  return header_bytes < 2 ? 2 : 2 + LengthBytes(header[1]) + (masked() ? 4 : 0);
}

bool WebSocketDecoder::DirectionState::TakeHeader(std::string_view* bytes) {
  while (header_bytes < header_size()) {
    if (bytes->empty()) return false;
    header[header_bytes++] = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
  }
  return true;
}

bool WebSocketDecoder::DirectionState::ReadLength() {
  payload = header[1] & 0x7f;
  const size_t more = LengthBytes(header[1]);
  if (more == 0) return true;
  payload = 0;
  for (size_t i = 0; i < more; ++i) payload = payload << 8 | header[2 + i];
  return more == 2 ? payload > 125 : payload > 0xffff && payload >> 63 == 0;
}

void WebSocketDecoder::BeginFrame(End from) {
  ++steps_;
  DirectionState& sender = direction(from);
  const bool deflated = (sender.header[0] & kReserved1) != 0;
  if (!sender.ReadLength()) return StopDecoding("a WebSocket frame's length in a form that is not allowed");
  if (sender.masked() != (from == End::kClient)) {
    return StopDecoding("a WebSocket frame of the client unmasked, or of the server masked");
  }
  if ((sender.header[0] & kReserved23) != 0) return StopDecoding("a WebSocket frame with reserved bits");

  if (sender.control()) {
    if (sender.opcode() > kPong) return StopDecoding("a WebSocket frame of an unknown kind");
    if (!sender.final() || deflated || sender.payload > 125)
      return StopDecoding("a broken WebSocket control frame");
    if (sender.opcode() == kClose && sender.payload == 1)
      return StopDecoding("a WebSocket close code cut in two");
  } else if (sender.opcode() == kContinuation) {
    if (!sender.in_message || deflated) return StopDecoding("a WebSocket continuation of nothing");
  } else {
    if (sender.opcode() != kText && sender.opcode() != kBinary) {
      return StopDecoding("a WebSocket frame of an unknown kind");
    }
    if (sender.in_message) return StopDecoding("a WebSocket message within another");
    sender.in_message = true;
    sender.compressed = deflated;
    sender.begun = false;
  }
  sender.in_frame = true;
}

void WebSocketDecoder::TakePayload(End from, std::string_view* bytes) {
  DirectionState& sender = direction(from);
  const std::string_view taken =
      bytes->substr(0, static_cast<size_t>(std::min<uint64_t>(sender.payload, bytes->size())));
  bytes->remove_prefix(taken.size());
  sender.payload -= taken.size();
  const bool frame_ends = sender.payload == 0;

  if (!sender.control()) {
    MessagePiece piece;
    piece.encoded = Bytes(taken.size());
    if (!sender.compressed) piece.message = piece.encoded;
    piece.ends = frame_ends && sender.final();
    if (!taken.empty() || piece.ends) {
      piece.begins = !std::exchange(sender.begun, true);
      if (call_ != nullptr) call_->OnMessage(from, piece);
    }
    if (piece.ends) sender.in_message = false;
  } else if (sender.opcode() == kClose) {
    const uint8_t* const mask = sender.header.data() + sender.header_size() - 4;
    for (size_t i = 0; i < taken.size() && sender.close_bytes < 2; ++i) {
      const uint8_t key = sender.masked() ? mask[sender.close_bytes] : 0;
      sender.close_code = sender.close_code << 8 | (static_cast<uint8_t>(taken[i]) ^ key);
      ++sender.close_bytes;
    }
  }
  if (!frame_ends) return;

  sender.in_frame = false;
  sender.header_bytes = 0;
  if (sender.opcode() != kClose) return;
  const bool fine =
      sender.close_bytes == 0 || sender.close_code == kNormal || sender.close_code == kGoingAway;
  if (!status_.has_value()) status_ = fine ? 0 : 2;
  EndDirection(from);
}

void WebSocketDecoder::EndDirection(End from) {
  direction(from).over = true;
  if (!direction(Other(from)).over) return;
  if (call_ != nullptr && status_.has_value()) call_->OnEnd(*status_);
  call_ = nullptr;
}

void WebSocketDecoder::StopDecoding(const char* why) {
  call_ = nullptr;
  lost_ = true;
  listener_->OnGap(why, /*whole_connection=*/true);
}

}  // namespace fedcarbon::node
