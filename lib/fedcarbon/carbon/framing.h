// framing.grpc/1: from the layer that was measured to the bytes that crossed the transport.
//
//   encoded   = message + 5 B per message                              (gRPC's length prefix)
//   transport = encoded + 52 B per request + 44 B per response         (HTTP/2 frames and headers of a call)
//
// Source: measured with gRPC 1.51. IP and below belong to the network models.
#pragma once

#include <cstdint>

#include "fedcarbon/units/units.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon {

inline constexpr Bytes kPrefixBytesPerMessage{5};
inline constexpr Bytes kTransportBytesPerRequest{52};
inline constexpr Bytes kTransportBytesPerResponse{44};

/// Sums over transfers of one direction. A layer's sum may be known of only some of them.
struct MeasuredBytes {
  uint64_t transfers = 0;
  uint64_t requests = 0;   // calls of which this is the client's direction
  uint64_t responses = 0;  // calls of which this is the server's direction
  uint64_t messages = 0;
  uint64_t message_known = 0;  // transfers whose message bytes are known
  Bytes message;
  uint64_t encoded_known = 0;  // transfers whose encoded bytes are known
  Bytes encoded;
  uint64_t transport_known = 0;  // transfers whose share of their connections is known
  Bytes transport;
};

/// What carbon is computed from.
struct CountedBytes {
  Bytes bytes;                              // at the transport layer
  v1::Layer layer = v1::LAYER_UNSPECIFIED;  // that was measured; unspecified: nothing was
  bool modelled = false;                    // `bytes` hold modelled framing
  bool at_least = false;                    // of some transfers this layer is unknown
};

/// What sums that were measured at `layer` come to at the transport; with nothing measured, their framing
/// alone. Linear: the parts of a sum come to what the sum does. Pure: thread-safe. Never fails; sums
/// saturate.
Bytes AtTransport(const MeasuredBytes& measured, v1::Layer layer);

/// Counts from the outermost layer that is known of all transfers, else from the one that is known of more of
/// them. Pure: thread-safe. Never fails; sums saturate.
CountedBytes Count(const MeasuredBytes& measured);

}  // namespace fedcarbon
