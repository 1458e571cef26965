// HTTP/1.1 (RFC 9112), and 1.0: the exchanges of one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "node/wire/http1_body.h"
#include "node/wire/http1_head.h"
#include "node/wire/http1_section.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Reads a connection from its first request on. What a client sends has to be fed before the server's bytes
/// that answer it.
///
/// An exchange is a call with one message each way, the bodies, also where they are empty; whatever a body
/// holds, gRPC-Web included, it is one message. The call ends when both have ended. If one side closes the
/// connection before, it is cut.
///
/// A header block's bytes are its start line and fields with their line ends, the empty line's included;
/// a body's are its content without chunk framing, which is counted nowhere.
///
/// It stops for good at what peers may read in different ways (http1_section.h, http1_body.h, http1_head.h),
/// at a limit, at an answer that no request awaits and at an upgrade that none offered: then the listener
/// hears OnGap, and all calls are given up.
class Http1Decoder : public Decoder {
 public:
  /// What a client sends after it has offered an upgrade, or asked for a tunnel, belongs to the next protocol
  /// or is the next request: until the answer tells, this much of it is kept.
  static constexpr size_t kHeldBytes = 65'536;

  /// After 101, or a tunnel's 2xx: what is spoken next, and what was fed of it already.
  struct Upgrade {
    Protocol protocol = Protocol::kUnknown;  // kWebSocket, kHttp2 (h2c), or none that is known here
    std::unique_ptr<CallListener> call;      // of the request that asked for it, its answer's fields told
    std::string from_client;
    std::string from_server;
  };

  /// All must outlive this. `headers` must contain those of HeaderNames::Standard().
  Http1Decoder(ConnectionListener* listener, const HeaderNames* headers, const WireLimits* limits);

  void Feed(End from, std::string_view bytes) override;
  void Finish(End from) override;
  uint64_t steps() const override { return steps_; }

  /// Of memory, for what has passed: between two messages no more than a short head of each side.
  size_t held_bytes() const;

  /// To be asked after each Feed: once it has a value, nothing more is read here.
  std::optional<Upgrade> TakeUpgrade();

 private:
  struct Exchange {
    std::unique_ptr<CallListener> call;  // null: nobody listens, or cut
    bool is_head = false;
    bool is_connect = false;
    bool may_switch = false;   // the client offers an upgrade or asks for a tunnel, and is not answered yet
    bool requested = false;    // the request's body has ended
    bool is_deferred = false;  // that body, an empty one, is a message only if nothing is switched
    bool answered = false;     // the answer's body has ended
    int status = 0;
  };

  /// One direction: which part of a message it is in.
  struct DirectionState {
    explicit DirectionState(Bytes limit) : section(limit) {}

    size_t held_bytes() const;

    enum class Part { kHead, kBody, kTrailers } part = Part::kHead;
    Http1Section section;
    std::string known_section;      // the last head's, if it is short: most calls of a connection repeat it
    std::optional<Http1Head> head;  // what it says; none once a long one is read
    Http1Body body = Http1Body::Length(0);
    bool compressed = false;
    bool begun = false;    // the message's first piece is told
    uint64_t content = 0;  // passed, not told yet
  };

  DirectionState& direction(End end) { return end == End::kClient ? client_ : server_; }

  /// The exchange that `end`'s bytes belong to: the client's is the youngest, the server's the oldest.
  Exchange& exchange(End end) { return end == End::kClient ? exchanges_.back() : exchanges_.front(); }

  bool Undecided() const;
  bool TakeSection(End from, std::string_view* bytes);
  const Http1Head& ReadHead(End from);
  void ReadRequest();
  void ReadAnswer(std::string_view* bytes);
  void ReadTrailers(End from);
  void BeginBody(End from, const Http1Head& head, const Http1Body& body);
  void TakeBody(End from, std::string_view* bytes);
  void Notify(End from, bool last);
  void EndMessage(End from);
  void Switch(Protocol protocol, std::string_view* bytes);
  void StopDecoding(const char* why);

  ConnectionListener* const listener_;
  const HeaderNames* const headers_;
  const size_t max_exchanges_;
  DirectionState client_;
  DirectionState server_;
  std::deque<Exchange> exchanges_;  // open ones, in the order of their requests
  std::string held_;                // of the client, while undecided
  bool client_finished_ = false;
  bool done_ = false;  // lost, or switched
  uint64_t steps_ = 0;
  std::optional<Upgrade> upgrade_;
};

}  // namespace fedcarbon::node
