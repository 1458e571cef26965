// One factor: a number that turns facts into carbon.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fedcarbon/carbon/estimate.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon {

/// What a factors file or table may hold.
inline constexpr double kMaxFactor = 1'000'000;
inline constexpr int kFirstFactorYear = 1990;
inline constexpr int kLastFactorYear = 2100;
inline constexpr size_t kMaxFactorsText = 1 << 20;  // bytes

inline constexpr char kP5ToP95[] = "P5-P95";
inline constexpr char kPublishedRange[] = "range of published values";
inline constexpr char kNoneStated[] = "none stated";

/// What a factor's value is a number of.
enum class Unit {
  kUnspecified,
  kOne,  // a ratio
  kWatts,
  kGramsPerKilowattHour,
  kKilowattHoursPerGigabyte,
  kKilowattHoursPerKilobyte,  // net.cumulator/2020 alone
};

/// As people and the protocol write it: "gCO2e/kWh", "1" for a ratio.
const char* UnitName(Unit unit);

/// Fields as v1::Factor documents them. A value type; const access is safe from any thread.
struct Factor {
  std::string name;  // grid_intensity.HUN, pue.datacentre, network.net.default/1.fixed, ...
  Estimate<double> value;
  Unit unit = Unit::kUnspecified;
  std::string source;
  int year = 0;  // that the value is for; 0: none
  v1::Factor::Kind kind = v1::Factor::KIND_PUBLISHED;
  std::string meaning = kNoneStated;  // of low and high
  std::vector<std::string> flags;     // what a reader has to know
};

v1::Factor ToProto(const Factor& factor);

}  // namespace fedcarbon
