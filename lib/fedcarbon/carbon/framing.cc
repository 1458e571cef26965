#include "fedcarbon/carbon/framing.h"

#include <algorithm>

namespace fedcarbon {

Bytes AtTransport(const MeasuredBytes& measured, v1::Layer layer) {
  if (layer == v1::LAYER_TRANSPORT) return measured.transport;
  Bytes bytes =
      kTransportBytesPerRequest * measured.requests + kTransportBytesPerResponse * measured.responses;
  if (layer == v1::LAYER_ENCODED) {
    bytes += measured.encoded;
  } else if (layer == v1::LAYER_MESSAGE) {
    bytes += measured.message + kPrefixBytesPerMessage * measured.messages;
  }
  return bytes;
}

CountedBytes Count(const MeasuredBytes& measured) {
  CountedBytes counted;
  if (measured.transfers == 0) return counted;
  const uint64_t inner_known = std::max(measured.message_known, measured.encoded_known);
  if (measured.transport_known > 0 && measured.transport_known >= inner_known) {
    counted.layer = v1::LAYER_TRANSPORT;
    counted.at_least = measured.transport_known < measured.transfers;
  } else {
    if (measured.encoded_known > 0 && measured.encoded_known >= measured.message_known) {
      counted.layer = v1::LAYER_ENCODED;
    } else if (measured.message_known > 0) {
      counted.layer = v1::LAYER_MESSAGE;
    }
    counted.modelled = true;
    counted.at_least = inner_known < measured.transfers;
  }
  counted.bytes = AtTransport(measured, counted.layer);
  return counted;
}

}  // namespace fedcarbon
