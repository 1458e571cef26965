#include "fedcarbon/carbon/framing.h"

#include <algorithm>

namespace fedcarbon {

CountedBytes Count(const MeasuredBytes& measured) {
  CountedBytes counted;
  if (measured.transfers == 0) return counted;
  const uint64_t inner_known = std::max(measured.message_known, measured.encoded_known);
  if (measured.transport_known > 0 && measured.transport_known >= inner_known) {
    counted.layer = v1::LAYER_TRANSPORT;
    counted.bytes = measured.transport;
    counted.at_least = measured.transport_known < measured.transfers;
    return counted;
  }
  if (measured.encoded_known > 0 && measured.encoded_known >= measured.message_known) {
    counted.layer = v1::LAYER_ENCODED;
    counted.bytes = measured.encoded;
  } else if (measured.message_known > 0) {
    counted.layer = v1::LAYER_MESSAGE;
    counted.bytes = measured.message + Bytes(kPrefixBytesPerMessage * measured.messages);
  }
  counted.bytes += Bytes(kTransportBytesPerRequest * measured.requests);
  counted.bytes += Bytes(kTransportBytesPerResponse * measured.responses);
  counted.modelled = true;
  counted.at_least = inner_known < measured.transfers;
  return counted;
}

}  // namespace fedcarbon
