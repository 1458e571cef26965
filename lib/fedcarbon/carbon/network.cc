#include "fedcarbon/carbon/network.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace fedcarbon {
namespace {

constexpr NetworkModel kModels[] = {
    {kNetDefault, "E = k(link kind) * GB", "wan, access",
     "chosen from the published values in lib/fedcarbon/carbon/README.md: none supports a narrower interval",
     false},
    {kNetMalmodinMarginal, "E = slope(link kind) [W per Mbit/s] * 8000 s", "wan, access; the marginal rule",
     "Malmodin, The power consumption of mobile and fixed network data services, Electronics Goes Green 2020",
     false},
    {kNetAslan, "E = 0.06 * 0.5^((y - 2015) / 2) * GB, y clamped to [2000, 2020]",
     "wan, fixed access; no router at the customer's",
     "Aslan, Mayers, Koomey, France, J. Ind. Ecol. 22(4), 2018; GSD 2.5 from its data points' scatter",
     false},
    {kNetSwd, "E = 0.059 * GB", "wan, access: the network segment in operation alone",
     "Sustainable Web Design model 4 (IEA 2022, Andrae 2020, Malmodin 2023)", false},
    {kNetCumulator, "E = 6.894e-8 * kB", "data centre alone: no network at all",
     "CUMULATOR 2020, after The Shift Project 2018 (data centres, 2017)", true},
};

Factor MakeFactor(const NetworkModel& model, v1::LinkKind link, Estimate<double> value, int year) {
  Factor factor;
  factor.name = absl::StrCat("network.", model.id, ".", LinkName(link));
  factor.value = value;
  factor.unit = Unit::kKilowattHoursPerGigabyte;
  factor.source = model.source;
  factor.year = year;
  factor.meaning = value.interval.has_value() ? kPublishedRange : kNoneStated;
  return factor;
}

std::optional<Factor> DefaultFactor(const NetworkModel& model, v1::LinkKind link) {
  Estimate<double> value;
  switch (link) {
    case v1::LINK_KIND_FIXED:
      value = Estimate<double>::Within(0.002, 0.02, 0.09);
      break;
    case v1::LINK_KIND_MOBILE:
      value = Estimate<double>::Within(0.0034, 0.1, 0.88);
      break;
    case v1::LINK_KIND_LAN:
      value = Estimate<double>::Within(0, 0.0002, 0.005);
      break;
    case v1::LINK_KIND_DATACENTRE:
      value = Estimate<double>::Within(0.0003, 0.001, 0.02);
      break;
    default:
      return std::nullopt;
  }
  Factor factor = MakeFactor(model, link, value, 0);
  factor.kind = v1::Factor::KIND_DEFAULT;
  if (link == v1::LINK_KIND_LAN) {
    factor.flags.push_back("in no source as kWh/GB: not measured unless the site meters its switches");
  }
  return factor;
}

std::optional<Factor> MalmodinFactor(const NetworkModel& model, v1::LinkKind link) {
  const bool mobile = link == v1::LINK_KIND_MOBILE;
  if (!mobile && link != v1::LINK_KIND_FIXED) return std::nullopt;
  const Interval<double> bounds = mobile ? kMalmodinMobileSlopeBounds : kMalmodinFixedSlopeBounds;
  const double slope = mobile ? kMalmodinMobileSlope : kMalmodinFixedSlope;
  const auto energy = [](double watts) {
    return FromWattsPerMegabitPerSecond(watts).kilowatt_hours_per_gigabyte();
  };
  return MakeFactor(model, link,
                    Estimate<double>::Within(energy(bounds.low), energy(slope), energy(bounds.high)), 2020);
}

std::optional<Factor> AslanFactor(const NetworkModel& model, v1::LinkKind link, int year) {
  if (link != v1::LINK_KIND_FIXED) return std::nullopt;
  const double spread = std::pow(kAslanGeometricStandardDeviation, kNormalP95);
  Factor factor =
      MakeFactor(model, link, WithinFactor(AslanIntensity(year).kilowatt_hours_per_gigabyte(), spread),
                 std::clamp(year, kAslanFirstYear, kAslanLastYear));
  factor.meaning = kP5ToP95;
  if (year > kAslanLastObservedYear) {
    factor.kind = v1::Factor::KIND_ESTIMATED;
    factor.flags.push_back(absl::StrCat("extrapolated beyond ", kAslanLastObservedYear));
  }
  if (factor.year != year) factor.flags.push_back(absl::StrCat(factor.year, " for a run of ", year));
  return factor;
}

std::optional<Factor> SwdFactor(const NetworkModel& model, v1::LinkKind link) {
  if (link != v1::LINK_KIND_FIXED && link != v1::LINK_KIND_MOBILE) return std::nullopt;
  return MakeFactor(model, link,
                    Estimate<double>::Unstated(kSwdNetwork.operation.kilowatt_hours_per_gigabyte()), 2022);
}

std::optional<Factor> CumulatorFactor(const NetworkModel& model, v1::LinkKind link) {
  if (link == v1::LINK_KIND_UNSPECIFIED) return std::nullopt;
  Factor factor =
      MakeFactor(model, link, Estimate<double>::Unstated(kCumulatorKilowattHoursPerKilobyte), 2017);
  factor.name = absl::StrCat("network.", model.id);
  factor.unit = Unit::kKilowattHoursPerKilobyte;
  factor.kind = v1::Factor::KIND_LEGACY;
  factor.flags.push_back("data-centre, 2017");
  return factor;
}

}  // namespace

absl::Span<const NetworkModel> NetworkModels() { return kModels; }

const NetworkModel* FindNetworkModel(absl::string_view id) {
  for (const NetworkModel& model : kModels) {
    if (id == model.id) return &model;
  }
  return nullptr;
}

v1::NetworkModel ToProto(const NetworkModel& model) {
  v1::NetworkModel proto;
  proto.set_id(model.id);
  proto.set_formula(model.formula);
  proto.set_boundary(model.boundary);
  proto.set_source(model.source);
  proto.set_legacy(model.legacy);
  return proto;
}

std::optional<Factor> BuiltInNetworkFactor(const NetworkModel& model, v1::LinkKind link, int year) {
  const absl::string_view id = model.id;
  if (id == kNetMalmodinMarginal) return MalmodinFactor(model, link);
  if (id == kNetAslan) return AslanFactor(model, link, year);
  if (id == kNetSwd) return SwdFactor(model, link);
  if (id == kNetCumulator) return CumulatorFactor(model, link);
  return DefaultFactor(model, link);
}

v1::LinkKind EdgeLink(v1::LinkKind from, v1::LinkKind to) {
  if (from == v1::LINK_KIND_MOBILE || to == v1::LINK_KIND_MOBILE) return v1::LINK_KIND_MOBILE;
  if (from == to && (from == v1::LINK_KIND_LAN || from == v1::LINK_KIND_DATACENTRE)) return from;
  return v1::LINK_KIND_FIXED;
}

absl::string_view LinkName(v1::LinkKind link) {
  switch (link) {
    case v1::LINK_KIND_FIXED:
      return "fixed";
    case v1::LINK_KIND_MOBILE:
      return "mobile";
    case v1::LINK_KIND_LAN:
      return "lan";
    case v1::LINK_KIND_DATACENTRE:
      return "datacentre";
    default:
      return "unknown";
  }
}

NetworkIntensity AslanIntensity(int year) {
  const int clamped = std::clamp(year, kAslanFirstYear, kAslanLastYear);
  return NetworkIntensity(0.06 * std::pow(0.5, (clamped - 2015) / 2.0));
}

NetworkIntensity FromWattsPerMegabitPerSecond(double slope) {
  constexpr double kMegabitsPerGigabyte = 8000;
  return NetworkIntensity(Joules(slope * kMegabitsPerGigabyte).kilowatt_hours());
}

}  // namespace fedcarbon
