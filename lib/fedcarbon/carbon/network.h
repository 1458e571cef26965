// Network models: the energy that moving bytes takes, by named and versioned rules. README.md has the table
// of formulas, constants, boundaries and sources.
//
// Pure functions; safe from any thread.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "fedcarbon/carbon/factor.h"
#include "fedcarbon/v1/facts.pb.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon {

inline constexpr char kNetDefault[] = "net.default/1";
inline constexpr char kNetMalmodinMarginal[] = "net.malmodin-marginal/2020";
inline constexpr char kNetAslan[] = "net.aslan/2018";
inline constexpr char kNetSwd[] = "net.swd/4";
inline constexpr char kNetCumulator[] = "net.cumulator/2020";

struct NetworkModel {
  const char* id;
  const char* formula;
  const char* boundary;  // what it covers
  const char* source;
  bool legacy;  // for comparison only
};

/// All models, the default first. Lives for ever.
absl::Span<const NetworkModel> NetworkModels();

/// Null: no such model.
const NetworkModel* FindNetworkModel(absl::string_view id);

v1::NetworkModel ToProto(const NetworkModel& model);

/// The model's own factor for a link of this kind in that year; absent where it has none. Every model has one
/// for fixed links.
std::optional<Factor> BuiltInNetworkFactor(const NetworkModel& model, v1::LinkKind link, int year);

/// The kind of an edge: mobile if an end is, lan or datacentre if both are, else fixed.
v1::LinkKind EdgeLink(v1::LinkKind from, v1::LinkKind to);

/// fixed, mobile, lan, datacentre or unknown: as configuration and factors files spell it.
absl::string_view LinkName(v1::LinkKind link);

/// CUMULATOR's constant, kWh/kB: The Shift Project's data-centre electricity per byte of 2017, no network.
inline constexpr double kCumulatorKilowattHoursPerKilobyte = 6.894e-8;

/// net.aslan/2018: 0.06 kWh/GB in 2015, halved every two years; observed 2000-2015, extrapolated to 2020,
/// constant outside [2000, 2020].
inline constexpr int kAslanFirstYear = 2000;
inline constexpr int kAslanLastObservedYear = 2015;
inline constexpr int kAslanLastYear = 2020;
inline constexpr double kAslanGeometricStandardDeviation = 2.5;
NetworkIntensity AslanIntensity(int year);

/// net.malmodin-marginal/2020: watts per Mbit/s while data flows.
inline constexpr Interval<double> kMalmodinFixedSlopeBounds{0.04, 0.07};
inline constexpr double kMalmodinFixedSlope = 0.05;
inline constexpr Interval<double> kMalmodinMobileSlopeBounds{1.03, 2.03};
inline constexpr double kMalmodinMobileSlope = 1.53;

/// What a slope of one watt per Mbit/s is per gigabyte, whatever the rate.
NetworkIntensity FromWattsPerMegabitPerSecond(double slope);

/// Sustainable Web Design 4: kWh/GB by segment. net.swd/4 charges the network's operation alone, since nodes
/// are metered themselves.
struct SwdSegment {
  NetworkIntensity operation;
  NetworkIntensity embodied;
};
inline constexpr SwdSegment kSwdDataCentre{NetworkIntensity(0.055), NetworkIntensity(0.012)};
inline constexpr SwdSegment kSwdNetwork{NetworkIntensity(0.059), NetworkIntensity(0.013)};
inline constexpr SwdSegment kSwdDevice{NetworkIntensity(0.080), NetworkIntensity(0.081)};
inline constexpr GridIntensity kSwdWorldIntensity{494};

}  // namespace fedcarbon
