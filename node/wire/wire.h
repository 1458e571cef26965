// What the decoders of this folder read and tell: bytes of a connection in, calls and their messages out.
//
// Decoders are pure state machines: no I/O, no clock, no thread of their own. They read over the shoulder of
// a proxy that forwards the same bytes whatever they make of them, so nothing here can fail: what cannot be
// decoded is reported as a gap, and decoding of that call or connection ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fedcarbon/units/units.h"

namespace fedcarbon::node {

/// Who sent the bytes: the end that opened the connection, or the one that accepted it.
enum class End { kClient, kServer };
constexpr End Other(End end) { return end == End::kClient ? End::kServer : End::kClient; }

/// What a connection speaks. kTls: sealed, only its bytes can be counted. kUnknown: none that is known here.
enum class Protocol { kUndecided, kHttp2, kHttp1, kWebSocket, kTls, kUnknown };

/// "h2", "http/1.1", "websocket", "tls", "unknown": as Connection.protocol has it.
std::string_view ProtocolName(Protocol protocol);

/// How much state a connection may make the decoders hold. Past a bound, that call or connection is not
/// decoded any more; it is forwarded as before.
struct WireLimits {
  // HTTP/2: open at once; past it the oldest is given up. HTTP/1.1: pipelined requests.
  size_t streams = 2'048;
  Bytes header_block = Bytes(262'144);    // one header block: HPACK fragments, or start line and fields
  Bytes header_table = Bytes(1'048'576);  // HPACK dynamic table that a peer may announce, each direction
};

/// The header fields that are read; all others are only counted. Names in lower case.
struct HeaderNames {
  /// What the decoders need: ":method", ":path", ":status", "content-type", "content-encoding",
  /// "grpc-status", "grpc-encoding", "grpc-previous-rpc-attempts", "fedcarbon-bin".
  static const HeaderNames& Standard();

  bool Contains(std::string_view name) const;

  std::vector<std::string> names;
};

/// One block of header fields: a request's, an answer's, an informational answer's, or trailers.
struct HeaderBlock {
  Bytes bytes;  // HPACK fragments, or start line and fields with their line ends; without frame headers
  // Those of HeaderNames, in order; values as they came.
  std::vector<std::pair<std::string, std::string>> fields;

  /// The first field of this name; empty if there is none.
  std::string_view Get(std::string_view name) const;
};

/// A stretch of one message.
struct MessagePiece {
  Bytes encoded;                 // as it travels: with gRPC's prefix, content-encoded, unmasked
  std::optional<Bytes> message;  // the serialized message's own bytes; absent: the message is compressed
  bool begins = false;           // the first piece of its message
  bool ends = false;             // the last one; a message may be a single piece
};

/// One call as it passes: a gRPC call, an HTTP exchange, or a WebSocket. Made by ConnectionListener::OnCall,
/// owned by the decoder. Destroyed without OnEnd: the call was cut, or given up.
class CallListener {
 public:
  virtual ~CallListener() = default;

  /// Every header block but the request's, which OnCall got: answers, 1xx, trailers of either side.
  virtual void OnHeaders(End from, const HeaderBlock& block) = 0;

  /// A message's own bytes, in order, cut anywhere, before the OnMessage() that counts them. Only of gRPC and
  /// HTTP, and only where nothing is compressed. `bytes` is valid during the call.
  virtual void OnContent(End /*from*/, std::string_view /*bytes*/) {}

  /// Bytes of a message, as soon as they have passed.
  virtual void OnMessage(End from, const MessagePiece& piece) = 0;

  /// The call is over. `status` is a gRPC status code: a gRPC call's grpc-status where there is one, else by
  /// gRPC's mapping of HTTP statuses, 1 (CANCELLED) after a reset. Nothing follows.
  virtual void OnEnd(int status) = 0;
};

/// What a connection tells of itself.
class ConnectionListener {
 public:
  virtual ~ConnectionListener() = default;

  /// The first bytes, or an upgrade, say what is spoken from here on.
  virtual void OnProtocol(Protocol protocol) = 0;

  /// A request's header block has passed. Null: nobody listens to this call.
  virtual std::unique_ptr<CallListener> OnCall(const HeaderBlock& request) = 0;

  /// Something is not decoded from here on: one call, or (`whole_connection`) all that follows. `why` is a
  /// literal, for people: it holds nothing of the traffic.
  virtual void OnGap(const char* why, bool whole_connection) = 0;
};

/// Reads one connection. Not thread-safe; the listener must outlive it.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// Bytes that `from` sent, in the order it sent them, cut anywhere.
  virtual void Feed(End from, std::string_view bytes) = 0;

  /// `from` will send nothing more (FIN): bodies that last until the close end here.
  virtual void Finish(End from) = 0;

  /// How many frames, messages, chunks and header fields it may have read so far: what takes its time, where
  /// they are small. Never falls.
  virtual uint64_t steps() const = 0;
};

}  // namespace fedcarbon::node
