// Every model against the numbers that were published for it, or computed from its formula by hand. One
// table: a later model adds its rows here.
#include <cmath>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "fedcarbon/carbon/network.h"
#include "fedcarbon/carbon/pricing.h"
#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

constexpr double kExact = 1e-9;  // relative; wider where a source prints fewer digits

struct Row {
  std::string name;
  std::function<double()> compute;
  double expected;
  double tolerance = kExact;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

/// Prices `kilowatt_hours` of computation at a node of that country: a processor of 1 kW, PUE 1.
double LocationGrams(double kilowatt_hours, const char* country) {
  Pricing pricing = Pricing::Create(BuiltInFactors(), v1::Method(), 2024).value();
  v1::Node description;
  description.set_country(country);
  description.set_cpu_cores(1);
  description.set_cpu_tdp_watts(1000);
  description.set_pue_thousandths(1000);
  return pricing.Price(pricing.AddNode("a", &description), {absl::Hours(kilowatt_hours), {}, {}})
      .carbon.central.grams();
}

/// Prices bytes between two nodes whose country is unknown, under one network model.
CommunicationPrice TransferPrice(const char* model, v1::LinkKind link, Bytes bytes, int year,
                                 std::shared_ptr<const FactorSet> factors = BuiltInFactors()) {
  v1::Method method;
  method.add_network_models(model);
  Pricing pricing = Pricing::Create(std::move(factors), method, year).value();
  v1::Node description;
  description.set_link(link);
  const Pricing::NodeIndex node = pricing.AddNode("a", &description);
  return pricing.Price(pricing.AddEdge(node, node), bytes, Bytes(0), 0);
}

double KilowattHoursPerGigabyte(const char* model, v1::LinkKind link, int year = 2024) {
  return TransferPrice(model, link, Bytes(1'000'000'000), year).energy.central.kilowatt_hours();
}

double CumulatorTransferGrams(uint64_t kilobytes) {
  v1::Method method;
  method.set_model(kModelCumulator);
  Pricing pricing = Pricing::Create(BuiltInFactors(), method, 2026).value();
  const Pricing::NodeIndex node = pricing.AddNode("a", nullptr);
  return pricing.Price(pricing.AddEdge(node, node), Bytes(kilobytes * 1000), Bytes(0), 0)
      .carbon()
      .central.grams();
}

ComputationPrice CumulatorHour() {
  v1::Method method;
  method.set_model(kModelCumulator);
  Pricing pricing = Pricing::Create(BuiltInFactors(), method, 2026).value();
  return pricing.Price(pricing.AddNode("a", nullptr),
                       {absl::ZeroDuration(), absl::ZeroDuration(), absl::Hours(1)});
}

/// Prices one GB with a segment's intensity in place of net.swd/4's.
double SwdGrams(NetworkIntensity segment, GridIntensity intensity = kSwdWorldIntensity) {
  const auto factors = std::make_shared<FactorSet>(*BuiltInFactors());
  Factor& network = factors->network[kNetSwd][v1::LINK_KIND_FIXED];
  network.unit = Unit::kKilowattHoursPerGigabyte;
  network.value = Estimate<double>::Unstated(segment.kilowatt_hours_per_gigabyte());
  factors->grid_intensity.find(kWorld)->second.value =
      Estimate<double>::Unstated(intensity.grams_per_kilowatt_hour());
  return TransferPrice(kNetSwd, v1::LINK_KIND_FIXED, Bytes(1'000'000'000), 2024, factors)
      .carbon()
      .central.grams();
}

double SwdTotal(double green_share) {
  return SwdGrams(kSwdDataCentre.operation) * (1 - green_share) + SwdGrams(kSwdNetwork.operation) +
         SwdGrams(kSwdDevice.operation) + SwdGrams(kSwdDataCentre.embodied) + SwdGrams(kSwdNetwork.embodied) +
         SwdGrams(kSwdDevice.embodied);
}

// Power that a rate adds under the marginal rule, recovered from the energy of one second at that rate.
double MalmodinWatts(v1::LinkKind link, double megabits_per_second) {
  const Bytes in_100_seconds(static_cast<uint64_t>(std::llround(megabits_per_second * 1e6 / 8 * 100)));
  return TransferPrice(kNetMalmodinMarginal, link, in_100_seconds, 2024).energy.central.joules() / 100;
}

constexpr v1::LinkKind kFixed = v1::LINK_KIND_FIXED;
constexpr v1::LinkKind kMobile = v1::LINK_KIND_MOBILE;

class ModelsTable : public testing::TestWithParam<Row> {};

TEST_P(ModelsTable, GivesThePublishedNumber) {
  const Row& row = GetParam();
  const double actual = row.compute();
  EXPECT_NEAR(actual, row.expected, std::abs(row.expected) * row.tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    WorkedExamples, ModelsTable,
    testing::Values(
        Row{"1 location based, France", [] { return LocationGrams(2.5, "FRA"); }, 110.45},
        Row{"1 location based, Poland", [] { return LocationGrams(2.5, "POL"); }, 1537.45},
        Row{"1 location based, nothing", [] { return LocationGrams(0, "POL"); }, 0},
        Row{"2 net.cumulator, energy of 100,000 kB",
            [] {
              return TransferPrice(kNetCumulator, kFixed, Bytes(100'000'000), 2026)
                  .energy.central.kilowatt_hours();
            },
            6.894e-3},
        Row{"2 net.cumulator, 100,000 kB", [] { return CumulatorTransferGrams(100'000); }, 3.081618},
        Row{"2 net.cumulator, 1e6 kB", [] { return CumulatorTransferGrams(1'000'000); }, 30.81618},
        Row{"3 CUMULATOR compute, energy", [] { return CumulatorHour().energy.central.kilowatt_hours(); },
            0.25},
        Row{"3 CUMULATOR compute", [] { return CumulatorHour().carbon.central.grams(); }, 111.75},
        Row{"4 net.aslan 2015", [] { return KilowattHoursPerGigabyte(kNetAslan, kFixed, 2015); }, 0.06},
        Row{"4 net.aslan 2017", [] { return KilowattHoursPerGigabyte(kNetAslan, kFixed, 2017); }, 0.03},
        Row{"4 net.aslan 2019", [] { return KilowattHoursPerGigabyte(kNetAslan, kFixed, 2019); }, 0.015},
        Row{"4 net.aslan 2020", [] { return KilowattHoursPerGigabyte(kNetAslan, kFixed, 2020); },
            0.010606601717798213},
        Row{"4 net.aslan 2024 is held at 2020",
            [] { return KilowattHoursPerGigabyte(kNetAslan, kFixed, 2024); }, 0.010606601717798213},
        Row{"net.aslan 2000", [] { return KilowattHoursPerGigabyte(kNetAslan, kFixed, 2000); }, 10.86, 1e-3},
        Row{"net.aslan 1999 is held at 2000",
            [] { return KilowattHoursPerGigabyte(kNetAslan, kFixed, 1999); }, 10.86, 1e-3},
        Row{"6 net.malmodin-marginal, fixed",
            [] { return KilowattHoursPerGigabyte(kNetMalmodinMarginal, kFixed); }, 400 / 3.6e6},
        Row{"6 net.malmodin-marginal, 4G",
            [] { return KilowattHoursPerGigabyte(kNetMalmodinMarginal, kMobile); }, 3.4e-3},
        Row{"net.default fixed", [] { return KilowattHoursPerGigabyte(kNetDefault, kFixed); }, 0.02},
        Row{"net.default mobile", [] { return KilowattHoursPerGigabyte(kNetDefault, kMobile); }, 0.1},
        Row{"net.default lan", [] { return KilowattHoursPerGigabyte(kNetDefault, v1::LINK_KIND_LAN); },
            0.0002},
        Row{"net.default datacentre",
            [] { return KilowattHoursPerGigabyte(kNetDefault, v1::LINK_KIND_DATACENTRE); }, 0.001},
        Row{"net.swd is the network segment alone", [] { return KilowattHoursPerGigabyte(kNetSwd, kFixed); },
            0.059}));

INSTANTIATE_TEST_SUITE_P(
    Published, ModelsTable,
    testing::Values(
        Row{"V13 CUMULATOR's derivation, 400 TWh / 4700 EB * 0.9 * 0.9, rounded",
            [] { return KilowattHoursPerGigabyte(kNetCumulator, kFixed); }, 0.06893617021276596, 1e-4},
        Row{"V18 SWD 4 operation, data centre", [] { return SwdGrams(kSwdDataCentre.operation); }, 27.17},
        Row{"V18 SWD 4 operation, network", [] { return SwdGrams(kSwdNetwork.operation); }, 29.146},
        Row{"V18 SWD 4 operation, device", [] { return SwdGrams(kSwdDevice.operation); }, 39.52},
        Row{"V19 SWD 4 embodied, data centre", [] { return SwdGrams(kSwdDataCentre.embodied); }, 5.928},
        Row{"V19 SWD 4 embodied, network", [] { return SwdGrams(kSwdNetwork.embodied); }, 6.422},
        Row{"V19 SWD 4 embodied, device", [] { return SwdGrams(kSwdDevice.embodied); }, 40.014},
        Row{"V20 SWD 4 total", [] { return SwdTotal(0); }, 148.2},
        Row{"V20 SWD 4 total, green hosting", [] { return SwdTotal(1); }, 121.03},
        Row{"V20 SWD 4 total, half green", [] { return SwdTotal(0.5); }, 134.615},
        Row{"V21 SWD 4 data centre at 100 g/kWh",
            [] { return SwdGrams(kSwdDataCentre.operation, GridIntensity(100)); }, 5.5},
        Row{"V21 SWD 4 network at 200 g/kWh",
            [] { return SwdGrams(kSwdNetwork.operation, GridIntensity(200)); }, 11.8},
        Row{"V21 SWD 4 device at 300 g/kWh",
            [] { return SwdGrams(kSwdDevice.operation, GridIntensity(300)); }, 24},
        Row{"V22 Malmodin fixed, 0.4 Mbit/s adds", [] { return MalmodinWatts(kFixed, 0.4); }, 0.02},
        Row{"V22 Malmodin fixed, 4 Mbit/s adds", [] { return MalmodinWatts(kFixed, 4); }, 0.2},
        Row{"V22 Malmodin fixed, 40 Mbit/s adds", [] { return MalmodinWatts(kFixed, 40); }, 2},
        Row{"V22 Malmodin fixed, 100 Mbit/s adds", [] { return MalmodinWatts(kFixed, 100); }, 5},
        Row{"V23 Malmodin 4G, 0 Mbit/s adds", [] { return MalmodinWatts(kMobile, 0); }, 0},
        Row{"V23 Malmodin 4G, 0.4 Mbit/s on 1.2 W", [] { return 1.2 + MalmodinWatts(kMobile, 0.4); }, 1.812},
        Row{"V23 Malmodin 4G, 4 Mbit/s on 1.2 W", [] { return 1.2 + MalmodinWatts(kMobile, 4); }, 7.32},
        Row{"V23 Malmodin 4G, 40 Mbit/s on 1.2 W", [] { return 1.2 + MalmodinWatts(kMobile, 40); }, 62.4}));

}  // namespace
}  // namespace fedcarbon
