#include "fedcarbon/carbon/factor.h"

namespace fedcarbon {

v1::Factor ToProto(const Factor& factor) {
  v1::Factor proto;
  proto.set_name(factor.name);
  *proto.mutable_value() = ToProto(factor.value);
  proto.set_unit(factor.unit);
  proto.set_source(factor.source);
  proto.set_year(static_cast<uint32_t>(factor.year));
  proto.set_kind(factor.kind);
  proto.set_meaning(factor.meaning);
  for (const std::string& flag : factor.flags) proto.add_flags(flag);
  return proto;
}

}  // namespace fedcarbon
