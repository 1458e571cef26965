// WebSocket traffic made up at random, framed by wslay and cut at random: the decoder has to tell what wslay,
// reading the same bytes, says that it received, and to stop at what wslay refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wslay/wslay.h>

#include <array>
#include <memory>
#include <string>

#include "node/wire/websocket_decoder.h"
#include "tests/unit/node/wire/random.h"
#include "tests/unit/node/wire/recorder.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::node {
namespace {

using testing::Message;
using testing::Random;
using testing::Recorder;
using testing::Require;

/// What a side says, frame by frame.
class Writer {
 public:
  Writer(End end, Random* random) : end_(end), random_(random) {
    const wslay_frame_callbacks callbacks = {Append, nullptr, MakeMask};
    Require(wslay_frame_context_init(&context_, &callbacks, this) == 0, "wslay makes a writer");
  }
  ~Writer() { wslay_frame_context_free(context_); }
  Writer(const Writer&) = delete;

  /// Messages of one to a few fragments, control frames among them; at times a close frame ends it all, or it
  /// breaks off.
  void WriteAll() {
    for (size_t messages = random_->Below(12); messages > 0; --messages) {
      const uint8_t rsv = random_->OneIn(3) ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE;
      const uint8_t opcode = random_->OneIn(2) ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME;
      const size_t fragments = random_->OneIn(3) ? 1 + random_->Below(5) : 1;
      for (size_t i = 0; i < fragments; ++i) {
        while (random_->OneIn(5)) {
          Write(1, 0, random_->OneIn(2) ? WSLAY_PING : WSLAY_PONG, Text(random_->Below(126)));
        }
        const bool first = i == 0, last = i + 1 == fragments && !(messages == 1 && random_->OneIn(10));
        Write(last, first ? rsv : 0, first ? opcode : uint8_t{WSLAY_CONTINUATION_FRAME}, Text(Length()));
      }
    }
    if (random_->OneIn(4)) return;
    std::string code;
    if (!random_->OneIn(4)) {
      const int number = random_->Of<int>({1000, 1001, 1002, 1003, 1007, 1008, 1011, 3000, 4999});
      code = {static_cast<char>(number >> 8), static_cast<char>(number)};
      code += Text(random_->Below(124));
    }
    Write(1, 0, WSLAY_CONNECTION_CLOSE, code);
  }

  /// Other flags, another kind or another masking of one frame, as it should not be.
  void Spoil() {
    if (frames_.empty()) return;
    const size_t frame = random_->Of(frames_);
    const int bit = random_->Of<int>({0x80, 0x40, 0x20, 0x10, 0x04, 0x02, 0x01, 0x8000});
    bytes[frame] = static_cast<char>(bytes[frame] ^ bit);
    bytes[frame + 1] = static_cast<char>(bytes[frame + 1] ^ bit >> 8);
    // What is no close frame's payload is none of its codes.
    if ((bytes[frame] & 0x0f) == WSLAY_CONNECTION_CLOSE) bytes[frame] = static_cast<char>(bytes[frame] ^ bit);
  }

  std::string bytes;

 private:
  static ssize_t Append(const uint8_t* data, size_t size, int, void* self) {
    static_cast<Writer*>(self)->bytes.append(reinterpret_cast<const char*>(data), size);
    return static_cast<ssize_t>(size);
  }
  static int MakeMask(uint8_t* mask, size_t size, void* self) {
    for (size_t i = 0; i < size; ++i)
      mask[i] = static_cast<uint8_t>(static_cast<Writer*>(self)->random_->Below(256));
    return 0;
  }

  /// ASCII, as a text may be cut into frames anywhere.
  static std::string Text(size_t size) { return std::string(size, 'a'); }

  size_t Length() {
    const size_t special = random_->Of<size_t>({0, 125, 126, 65'535, 65'536});
    return random_->OneIn(8) ? special : random_->Below(random_->OneIn(10) ? 80'000 : 40);
  }

  void Write(bool final, uint8_t rsv, uint8_t opcode, const std::string& payload) {
    frames_.push_back(bytes.size());
    wslay_frame_iocb frame = {};
    frame.fin = final;
    frame.rsv = rsv;
    frame.opcode = opcode;
    frame.mask = end_ == End::kClient;
    frame.payload_length = frame.data_length = payload.size();
    frame.data = reinterpret_cast<const uint8_t*>(payload.data());
    Require(wslay_frame_send(context_, &frame) == static_cast<ssize_t>(payload.size()),
            "wslay writes a frame");
  }

  const End end_;
  Random* const random_;
  wslay_frame_context_ptr context_ = nullptr;
  std::vector<size_t> frames_;  // where they begin
};

/// What the other side receives.
class Reader {
 public:
  explicit Reader(End from) {
    wslay_event_callbacks callbacks = {};
    callbacks.recv_callback = Give;
    callbacks.on_frame_recv_start_callback = OnFrame;
    callbacks.on_frame_recv_chunk_callback = OnChunk;
    callbacks.on_msg_recv_callback = OnMessage;
    const auto make =
        from == End::kClient ? wslay_event_context_server_init : wslay_event_context_client_init;
    Require(make(&context_, &callbacks, this) == 0, "wslay makes a reader");
    wslay_event_config_set_allowed_rsv_bits(context_, WSLAY_RSV1_BIT);
  }
  ~Reader() { wslay_event_context_free(context_); }
  Reader(const Reader&) = delete;

  void Read(std::string_view bytes) {
    unread_ = bytes;
    refused = wslay_event_recv(context_) != 0 ||
              (wslay_event_get_read_enabled(context_) == 0 && !close.has_value());
  }

  std::vector<Message> messages;
  std::optional<uint16_t> close;  // the code; 0: without one
  bool refused = false;

 private:
  static ssize_t Give(wslay_event_context_ptr context, uint8_t* to, size_t size, int, void* self) {
    std::string_view& unread = static_cast<Reader*>(self)->unread_;
    if (unread.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    size = unread.copy(reinterpret_cast<char*>(to), size);
    unread.remove_prefix(size);
    return static_cast<ssize_t>(size);
  }

  static void OnFrame(wslay_event_context_ptr, const wslay_event_on_frame_recv_start_arg* frame, void* self) {
    auto* const reader = static_cast<Reader*>(self);
    reader->in_control_ = wslay_is_ctrl_frame(frame->opcode);
    if (reader->in_control_ || frame->opcode == WSLAY_CONTINUATION_FRAME) return;
    reader->compressed_ = frame->rsv != 0;
  }
  static void OnChunk(wslay_event_context_ptr, const wslay_event_on_frame_recv_chunk_arg* chunk, void* self) {
    auto* const reader = static_cast<Reader*>(self);
    if (!reader->in_control_ && chunk->data_length > 0) reader->Passed(chunk->data_length);
  }
  static void OnMessage(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* self) {
    auto* const reader = static_cast<Reader*>(self);
    if (message->opcode == WSLAY_CONNECTION_CLOSE) reader->close = message->status_code;
    if (wslay_is_ctrl_frame(message->opcode)) return;
    reader->Passed(0);
    Require(reader->messages.back().encoded == message->msg_length, "wslay agrees with itself");
    reader->messages.back().whole = true;
  }

  /// Of the message that is not whole, or of a new one.
  void Passed(size_t size) {
    if (messages.empty() || messages.back().whole) {
      messages.push_back({0, compressed_ ? std::nullopt : std::optional<uint64_t>(0), false});
    }
    messages.back().encoded += size;
    if (!compressed_) *messages.back().message += size;
  }

  wslay_event_context_ptr context_ = nullptr;
  std::string_view unread_;
  bool in_control_ = false;
  bool compressed_ = false;
};

/// Six bytes of each side: a masked one, and three.
const std::string kPongs[] = {{"\x8a\x80\0\0\0\0", 6}, {"\x8a\0\x8a\0\x8a\0", 6}};

int StatusOf(uint16_t close) { return close == 0 || close == 1000 || close == 1001 ? 0 : 2; }

TEST(WebSocketDifferentialTest, TellsWhatWslayReceives) {
  const uint64_t first_seed = RandomSeed();
  size_t messages = 0, ended = 0, refused = 0, cut = 0;
  for (uint64_t seed = first_seed; seed < first_seed + 2'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::array<std::string, 2> sent;
    const size_t spoiled = random.Below(4);  // a side, or neither
    for (const End end : {End::kClient, End::kServer}) {
      Writer writer(end, &random);
      writer.WriteAll();
      if (spoiled == static_cast<size_t>(end)) writer.Spoil();
      sent[static_cast<size_t>(end)] = std::move(writer.bytes);
    }

    std::array<Reader, 2> readers = {Reader(End::kClient), Reader(End::kServer)};
    Recorder recorder;
    WebSocketDecoder decoder(&recorder, recorder.NewCall());
    std::optional<int> status;
    std::array<std::string_view, 2> due = {sent[0], sent[1]};
    // Of two bytes too, but of 100,000 bytes only the long stage.
    const size_t shortest = FEDCARBON_LONG ? 0 : (sent[0].size() + sent[1].size()) / 5'000;
    const size_t longest = std::max(random.Of<size_t>({1'000'000, 5'000, 50, 3}), shortest);
    while (!recorder.lost && !(due[0].empty() && due[1].empty())) {
      const size_t i = due[0].empty() ? 1 : due[1].empty() ? 0 : random.Below(2);
      const std::string_view piece = due[i].substr(0, 1 + random.Below(longest));
      due[i].remove_prefix(piece.size());
      Reader& reader = readers[i];
      reader.Read(piece);
      decoder.Feed(static_cast<End>(i), piece);
      // The one may need a few bytes more to see what is wrong: harmless ones, if no others are left.
      if (recorder.lost && !reader.refused) reader.Read(std::string(due[i]) + kPongs[i]);
      if (reader.refused && !recorder.lost) decoder.Feed(static_cast<End>(i), due[i]);
      ASSERT_EQ(recorder.lost, reader.refused);
      if (reader.close.has_value() && !status.has_value()) status = StatusOf(*reader.close);
    }
    for (const End end : {End::kClient, End::kServer}) decoder.Finish(end);

    const testing::Call& call = *recorder.calls[0];
    for (const End end : {End::kClient, End::kServer}) {
      ASSERT_EQ(call.sent(end), readers[static_cast<size_t>(end)].messages);
      messages += call.sent(end).size();
    }
    if (recorder.lost) status.reset();
    ASSERT_EQ(call.status, status);
    ASSERT_TRUE(call.gone);
    refused += recorder.lost;
    ended += status.has_value();
    cut += !recorder.lost && !status.has_value();
  }
  std::printf("%zu messages; %zu ended, %zu cut, %zu refused\n", messages, ended, cut, refused);
  for (const size_t count : {ended, cut, refused}) EXPECT_GT(count, 50u) << "else little was tested";
}

}  // namespace
}  // namespace fedcarbon::node
