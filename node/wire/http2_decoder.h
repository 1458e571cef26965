// HTTP/2 (RFC 9113): the calls of one connection, gRPC's and others'.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/container/btree_map.h"
#include "node/wire/grpc_messages.h"
#include "node/wire/hpack_inflater.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Reads a connection from the first byte of either side, the client's being its preface. What a client sends
/// has to be fed before the server's bytes that answer it.
///
/// A call is a stream that the client opens. If its content-type is application/grpc, it has gRPC's messages;
/// any other, gRPC-Web included, has one message each way, the body, also if that is empty or a tunnel
/// (CONNECT). An answer to a gRPC request that is not gRPC's, such as a gateway's page, is one message too. A
/// call ends when both sides have ended it, or one has reset it. Pushed streams are not calls. One call alone
/// is given up at a gRPC message with unknown flags, and at a body in front of its answer.
///
/// It looks into frames, never judges them: what the peers do not mind, it does not. It stops for good where
/// it could not know any more what follows: no preface, no SETTINGS in front, a header block that is
/// interrupted, broken or above a limit, padding longer than its frame, a frame on no stream that needs one.
/// Then the listener hears OnGap, all calls are given up, and lost() is true; nothing is kept that is worth
/// keeping.
class Http2Decoder : public Decoder {
 public:
  /// What a client says first.
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  /// All but `upgraded` must outlive this. `headers` must contain those of HeaderNames::Standard().
  /// `upgraded`: the call of the HTTP/1.1 request that asked for this protocol (h2c) and whose body has
  /// passed: it is stream 1, where its answer will come. Null: no upgrade, or nobody listens to it.
  Http2Decoder(ConnectionListener* listener, const HeaderNames* headers, const WireLimits* limits,
               std::unique_ptr<CallListener> upgraded = nullptr);

  void Feed(End from, std::string_view bytes) override;

  /// When the client has gone, calls end that only waited for its end.
  void Finish(End from) override;
  uint64_t steps() const override { return steps_; }

  bool lost() const { return lost_; }

 private:
  /// One direction of one stream.
  struct StreamDirectionState {
    GrpcMessages messages;
    bool grpc = false;
    bool coded = false;  // not gRPC's: by a content-encoding
    bool begun = false;  // not gRPC's: the message's first piece is told
    bool whole = false;  // not gRPC's: the message's last piece is told
    bool ended = false;
  };

  struct Stream {
    std::unique_ptr<CallListener> call;
    std::array<StreamDirectionState, 2> directions;
    bool expects_grpc = false;
    bool answered = false;
    int status = 2;  // what the answer said so far

    StreamDirectionState& direction(End end) { return directions[static_cast<size_t>(end)]; }
  };
  using Streams = absl::btree_map<uint32_t, Stream>;  // by id: the oldest first

  /// One direction of the connection: where in which frame it is, and the header block that is open.
  struct DirectionState {
    DirectionState(const HeaderNames* headers, const WireLimits* limits) : inflater(headers, limits) {}

    bool TakePreface(std::string_view* bytes);
    bool TakeFrameHeader(std::string_view* bytes);
    bool frame_complete() const { return !pad_length_due && prefix + content + padding == 0; }

    std::array<uint8_t, 9> header;
    uint8_t header_bytes = 0;
    uint8_t preface_left = 0;
    bool began = false;  // the first frame has come

    bool in_frame = false;
    uint8_t type = 0;
    uint8_t flags = 0;
    uint32_t stream = 0;
    bool pad_length_due = false;  // the rest counts bytes of the frame still to come
    uint32_t prefix = 0;          // priority, or promised stream
    uint32_t content = 0;
    uint32_t padding = 0;

    HpackInflater inflater;
    bool block_open = false;
    uint32_t block_stream = 0;
    bool block_of_promise = false;
    bool block_ends_stream = false;
  };

  DirectionState& direction(End end) { return end == End::kClient ? client_ : server_; }

  void BeginFrame(DirectionState* sender);
  void TakePayload(End from, std::string_view* bytes);
  void EndFrame(End from);
  void TakeData(End from, std::string_view bytes);
  void NotifyBody(End from, Bytes bytes, bool last, Stream* stream);
  void EndBlock(End from);
  void Open(uint32_t id, const HeaderBlock& request);
  void ReadAnswer(const HeaderBlock& block, Stream* stream);
  void EndDirection(End from, Streams::iterator at);
  void Reset(uint32_t id);
  Streams::iterator EndStream(Streams::iterator at, int status);
  void StopDecoding(const char* why);

  ConnectionListener* const listener_;
  const size_t max_streams_;
  DirectionState client_;
  DirectionState server_;
  Streams streams_;
  uint32_t last_stream_ = 0;  // the highest that the client has opened
  bool client_finished_ = false;
  bool lost_ = false;
  uint64_t steps_ = 0;
};

}  // namespace fedcarbon::node
