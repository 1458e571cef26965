// Reads a connection whatever it speaks: recognised by its first bytes, followed through upgrades.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Recognises HTTP/2 (its preface), HTTP/1.1 (a method and a blank, or an empty line in front of them) and
/// TLS by the client's first bytes, in any split, and hands over to that decoder; goes on with the next one
/// after an upgrade (101: WebSocket, h2c) at the exact byte.
///
/// A server may speak first (gRPC's does): its bytes are kept, at most kHeldBytes, until the client's side is
/// recognised. Past that, at a protocol that it does not know, at a violation or past a limit it stops
/// decoding: the listener hears OnGap, and undecoded_bytes() counts what passes from then on.
class ConnectionDecoder : public Decoder {
 public:
  static constexpr size_t kHeldBytes = 65'536;

  /// All must outlive this.
  ConnectionDecoder(ConnectionListener* listener, const HeaderNames* headers, const WireLimits* limits);
  ~ConnectionDecoder() override;

  void Feed(End from, std::string_view bytes) override;
  void Finish(End from) override;
  uint64_t steps() const override;

  Protocol protocol() const;

  /// Bytes that passed after decoding had ended, or of an unknown protocol; both directions.
  Bytes undecoded_bytes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fedcarbon::node
