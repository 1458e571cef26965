#include "fedcarbon/carbon/framing.h"

namespace fedcarbon {

CountedBytes Count(const MeasuredBytes& measured) {
  CountedBytes counted;
  if (measured.transfers == 0) return counted;
  uint64_t known = 0;
  if (measured.encoded_known > 0 && measured.encoded_known >= measured.message_known) {
    known = measured.encoded_known;
    counted.layer = v1::LAYER_ENCODED;
    counted.bytes = measured.encoded;
  } else if (measured.message_known > 0) {
    known = measured.message_known;
    counted.layer = v1::LAYER_MESSAGE;
    counted.bytes = measured.message + Bytes(kPrefixBytesPerMessage * measured.messages);
  }
  counted.bytes += Bytes(kTransportBytesPerRequest * measured.requests);
  counted.bytes += Bytes(kTransportBytesPerResponse * measured.responses);
  counted.modelled = true;
  counted.at_least = known < measured.transfers;
  return counted;
}

}  // namespace fedcarbon
