#include "fedcarbon/carbon/factor.h"

namespace fedcarbon {

const char* UnitName(Unit unit) {
  switch (unit) {
    case Unit::kUnspecified:
      return "";
    case Unit::kOne:
      return "1";
    case Unit::kWatts:
      return "W";
    case Unit::kGramsPerKilowattHour:
      return "gCO2e/kWh";
    case Unit::kKilowattHoursPerGigabyte:
      return "kWh/GB";
    case Unit::kKilowattHoursPerKilobyte:
      return "kWh/kB";
  }
  return "";
}

v1::Factor ToProto(const Factor& factor) {
  v1::Factor proto;
  proto.set_name(factor.name);
  *proto.mutable_value() = ToProto(factor.value);
  proto.set_unit(UnitName(factor.unit));
  proto.set_source(factor.source);
  proto.set_year(static_cast<uint32_t>(factor.year));
  proto.set_kind(factor.kind);
  proto.set_meaning(factor.meaning);
  for (const std::string& flag : factor.flags) proto.add_flags(flag);
  return proto;
}

}  // namespace fedcarbon
