// One of a relay's two connections.
#pragma once

#include <cstdint>
#include <memory>

#include "node/proxy/byte_stream.h"
#include "node/proxy/event_loop.h"
#include "node/proxy/tls_stream.h"
#include "node/sockets/file_descriptor.h"

namespace fedcarbon::node {

class Relay;

/// Belongs to its relay and that one's thread. Owns its descriptor and what reads and writes it.
struct Leg : EventHandler {
  explicit Leg(Relay* its_relay) : relay(its_relay) {}
  void OnEvents(uint32_t events) override;

  Relay* const relay;
  FileDescriptor fd;
  std::unique_ptr<ByteStream> stream;
  TlsStream* tls = nullptr;  // `stream`, if that is one
  bool is_readable = false;
  bool is_writable = false;
  // A short read says little, and only one that finds nothing has drained it: the kernel has hinted at an
  // end, or told of urgent data, which cuts a read short; or it is a Unix socket.
  bool is_ending = false;
  bool is_broken = false;  // cannot be written to any more
  uint32_t handshakes = 0;
  Bytes counted_sent;  // by the metrics so far
  Bytes counted_received;
};

}  // namespace fedcarbon::node
