#include "fedcarbon/carbon/pricing.h"

#include <cmath>
#include <string>

#include "fedcarbon/carbon/factors_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kYear = 2024;  // that the grid intensities are of
constexpr Bytes kGigabyte(1'000'000'000);
const ComputationAmounts kCpuHour{absl::Hours(1), absl::ZeroDuration(), absl::Hours(2)};

Pricing MakePricing(const v1::Method& method = {}, int year = kYear) {
  return Pricing::Create(BuiltInFactors(), method, year).value();
}

v1::Method MethodOf(const std::string& model, std::initializer_list<const char*> network_models) {
  v1::Method method;
  method.set_model(model);
  for (const char* id : network_models) method.add_network_models(id);
  return method;
}

// A node whose every factor is its own: 10 W per core, PUE 1.5, one accelerator of 300 W.
v1::Node Described(const char* country, v1::LinkKind link = v1::LINK_KIND_FIXED) {
  v1::Node node;
  node.set_country(country);
  node.set_link(link);
  node.set_pue_thousandths(1500);
  node.set_cpu_cores(8);
  node.set_cpu_tdp_watts(80);
  v1::Accelerator* accelerator = node.add_accelerators();
  accelerator->set_count(2);
  accelerator->set_tdp_watts(150);
  return node;
}

double Quadrature(std::initializer_list<double> spreads) {
  double sum = 0;
  for (double spread : spreads) sum += std::log(spread) * std::log(spread);
  return std::exp(std::sqrt(sum));
}

Factor Find(const Pricing& pricing, const std::string& name) {
  for (const Factor& factor : pricing.Factors()) {
    if (factor.name == name) return factor;
  }
  ADD_FAILURE() << "no factor " << name;
  return {};
}

std::vector<std::string> Names(const Pricing& pricing) {
  std::vector<std::string> names;
  for (const Factor& factor : pricing.Factors()) names.push_back(factor.name);
  return names;
}

TEST(PricingTest, DefaultsAreRoundWithTwoNetworkModels) {
  const Pricing pricing = MakePricing();
  EXPECT_EQ(pricing.method().model(), kModelRound);
  EXPECT_THAT(pricing.network_models(), ElementsAre(kNetDefault, kNetMalmodinMarginal));
  EXPECT_THAT(pricing.method().network_models(), ElementsAre(kNetDefault, kNetMalmodinMarginal));
}

TEST(PricingTest, UnknownModelsAreErrorsThatNameTheKnown) {
  const auto error = [](const v1::Method& method) {
    const absl::Status status = Pricing::Create(BuiltInFactors(), method, kYear).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(error(MethodOf("fl.magic/1", {})),
              HasSubstr("\"fl.magic/1\": use fl.round/1 or cumulator/2020"));
  EXPECT_THAT(error(MethodOf("", {"net.magic/1"})), HasSubstr("\"net.magic/1\": use net.default/1, "));
  EXPECT_THAT(error(MethodOf("", {kNetSwd, kNetSwd})), HasSubstr("net.swd/4 is named more than once"));
}

TEST(PricingTest, ComputationIsTimeTimesWattsTimesPue) {
  Pricing pricing = MakePricing();
  const v1::Node zurich = Described("CHE");
  const ComputationPrice price = pricing.Price(pricing.AddNode("zurich", &zurich), kCpuHour);
  EXPECT_NEAR(price.energy.central.kilowatt_hours(), 0.015, 1e-12);
  EXPECT_NEAR(price.carbon.central.grams(), 0.015 * 36.72, 1e-12);
  const double energy_spread = Quadrature({2.0, 1.05});
  EXPECT_NEAR(price.energy.interval->high.kilowatt_hours(), 0.015 * energy_spread, 1e-12);
  EXPECT_NEAR(price.energy.interval->low.kilowatt_hours(), 0.015 / energy_spread, 1e-12);
  const double carbon_spread = Quadrature({2.0, 1.05, 1.55});
  EXPECT_NEAR(price.carbon.interval->high.grams(), 0.015 * 36.72 * carbon_spread, 1e-12);
  EXPECT_NEAR(price.carbon.interval->low.grams(), 0.015 * 36.72 / carbon_spread, 1e-12);
  EXPECT_THAT(Names(pricing),
              ElementsAre("grid_intensity.CHE", "node.zurich.pue", "node.zurich.watts_per_core"));
  EXPECT_THAT(pricing.Warnings(), IsEmpty());
}

TEST(PricingTest, WallTimeOfUnknownCpuTimeIsALowerBound) {
  Pricing pricing = MakePricing();
  const v1::Node zurich = Described("CHE");
  const Pricing::NodeIndex node = pricing.AddNode("zurich", &zurich);
  ComputationAmounts amounts{{}, {}, absl::Hours(1)};
  EXPECT_FALSE(pricing.Price(node, amounts).carbon.at_least);
  EXPECT_THAT(pricing.Warnings(), IsEmpty());

  amounts.cpu_is_lower_bound = true;
  const ComputationPrice price = pricing.Price(node, amounts);
  EXPECT_EQ(price.carbon.central.grams(), 0);
  EXPECT_TRUE(price.carbon.at_least);
  EXPECT_TRUE(price.energy.at_least);
  EXPECT_THAT(pricing.Warnings(), ElementsAre(HasSubstr("zurich: how long it computed is known")));

  Pricing cumulator = MakePricing(MethodOf(kModelCumulator, {}));  // prices wall time
  EXPECT_FALSE(cumulator.Price(cumulator.AddNode("zurich", &zurich), amounts).carbon.at_least);
  EXPECT_THAT(cumulator.Warnings(), IsEmpty());
}

TEST(PricingTest, AcceleratorTimeCostsAllOfThem) {
  Pricing pricing = MakePricing();
  const v1::Node zurich = Described("CHE");
  const Pricing::NodeIndex node = pricing.AddNode("zurich", &zurich);
  const ComputationPrice price = pricing.Price(node, {absl::Hours(1), absl::Hours(1), absl::Hours(1)});
  EXPECT_NEAR(price.energy.central.kilowatt_hours(), (0.010 + 0.300) * 1.5, 1e-12);
  EXPECT_NEAR(price.energy.interval->high.kilowatt_hours(), 0.310 * 1.5 * Quadrature({2.0, 1.05}), 1e-12);
  EXPECT_THAT(Names(pricing), Contains("node.zurich.accelerator_watts"));
}

TEST(PricingTest, AnUndescribedNodeIsPricedByFlaggedDefaults) {
  Pricing pricing = MakePricing();
  const ComputationPrice price =
      pricing.Price(pricing.AddNode("", nullptr), {absl::Hours(1), absl::Hours(1), absl::Hours(1)});
  EXPECT_NEAR(price.energy.central.kilowatt_hours(), (0.012 + 0.200) * 1.8, 1e-12);
  EXPECT_NEAR(price.carbon.central.grams(), 0.212 * 1.8 * 472.94, 1e-9);
  EXPECT_THAT(Names(pricing),
              ElementsAre("accelerator_watts", "grid_intensity.World", "pue.other", "watts_per_core"));
  for (const Factor& factor : pricing.Factors()) {
    EXPECT_EQ(factor.kind, v1::Factor::KIND_DEFAULT) << factor.name;
    EXPECT_FALSE(factor.flags.empty()) << factor.name;
  }
  EXPECT_THAT(pricing.Warnings(), Contains(HasSubstr("(unknown node): no country is known")));
  EXPECT_THAT(pricing.Warnings(), Contains(HasSubstr("no PUE was measured: 1.8")));
  EXPECT_THAT(pricing.Warnings(), Contains(HasSubstr("12 W per core")));
  EXPECT_THAT(pricing.Warnings(), Contains(HasSubstr("200 W")));
}

TEST(PricingTest, ADataCentreHasItsOwnPue) {
  Pricing pricing = MakePricing();
  v1::Node node = Described("CHE", v1::LINK_KIND_DATACENTRE);
  node.clear_pue_thousandths();
  const ComputationPrice price = pricing.Price(pricing.AddNode("zurich", &node), kCpuHour);
  EXPECT_NEAR(price.energy.central.kilowatt_hours(), 0.010 * 1.56, 1e-12);
  const Factor pue = Find(pricing, "pue.datacentre");
  EXPECT_EQ(pue.value.interval->low, 1.09);
  EXPECT_EQ(pue.value.interval->high, 1.89);
  EXPECT_THAT(pue.flags, Contains("default"));
}

TEST(PricingTest, AHospitalsPueIsTheOther) {
  EXPECT_EQ(BuiltInFactors()->pue_other.value.interval->low, 1.4);
  EXPECT_EQ(BuiltInFactors()->pue_other.value.interval->high, 2.5);
}

TEST(PricingTest, APueOfOneIsBelievedAndLessIsNot) {
  Pricing pricing = MakePricing();
  v1::Node node = Described("CHE");
  node.set_pue_thousandths(1000);
  pricing.Price(pricing.AddNode("one", &node), kCpuHour);
  node.set_pue_thousandths(999);
  pricing.Price(pricing.AddNode("less", &node), kCpuHour);
  const Factor one = Find(pricing, "node.one.pue");
  EXPECT_EQ(one.value.interval->low, 1);
  EXPECT_EQ(one.value.interval->high, 1.05);
  EXPECT_EQ(one.kind, v1::Factor::KIND_MEASURED);
  EXPECT_THAT(pricing.Warnings(), ElementsAre(HasSubstr("less: the stated PUE is below 1")));
}

TEST(PricingTest, SomeUnknownAcceleratorsAreFlagged) {
  Pricing pricing = MakePricing();
  v1::Node node = Described("CHE");
  node.add_accelerators()->set_count(1);
  pricing.Price(pricing.AddNode("zurich", &node),
                {absl::ZeroDuration(), absl::Hours(1), absl::ZeroDuration()});
  const Factor watts = Find(pricing, "node.zurich.accelerator_watts");
  EXPECT_EQ(watts.value.central, 500);
  EXPECT_THAT(watts.flags, Contains("1 of 3 at the default of 200 W"));
}

TEST(PricingTest, AYearOtherThanTheRunsIsFlagged) {
  Pricing pricing = MakePricing({}, 2026);
  const v1::Node zurich = Described("CHE");
  pricing.Price(pricing.AddNode("zurich", &zurich), kCpuHour);
  EXPECT_THAT(Find(pricing, "grid_intensity.CHE").flags, Contains("2024 for a run of 2026"));
  EXPECT_THAT(pricing.Warnings(),
              Contains(HasSubstr("grid_intensity.CHE: the factor is of 2024 for a run of 2026")));
}

TEST(PricingTest, AnUnknownCountryIsTheWorldsAverage) {
  Pricing pricing = MakePricing();
  const v1::Node node = Described("XXX");
  pricing.Price(pricing.AddNode("nowhere", &node), kCpuHour);
  EXPECT_THAT(Names(pricing), Contains("grid_intensity.World"));
  EXPECT_THAT(pricing.Warnings(), Contains(HasSubstr("nowhere: there is no grid intensity for \"XXX\"")));
}

TEST(PricingTest, HalfOfATransferIsChargedToEachEndAtItsOwnIntensity) {
  Pricing pricing = MakePricing();
  const v1::Node zurich = Described("CHE");
  const v1::Node budapest = Described("HUN");
  const Pricing::EdgeIndex edge =
      pricing.AddEdge(pricing.AddNode("zurich", &zurich), pricing.AddNode("budapest", &budapest));
  const CommunicationPrice price = pricing.Price(edge, kGigabyte, Bytes(0), 0);
  EXPECT_NEAR(price.energy.central.kilowatt_hours(), 0.02, 1e-12);
  EXPECT_NEAR(price.energy.interval->low.kilowatt_hours(), 0.002, 1e-12);
  EXPECT_NEAR(price.energy.interval->high.kilowatt_hours(), 0.09, 1e-12);
  EXPECT_NEAR(price.at_from.central.grams(), 0.01 * 36.72, 1e-12);
  EXPECT_NEAR(price.at_to.central.grams(), 0.01 * 182.82, 1e-12);
  EXPECT_NEAR(price.at_from.interval->low.grams(), 0.01 * 36.72 / Quadrature({10, 1.55}), 1e-12);
  EXPECT_NEAR(price.at_from.interval->high.grams(), 0.01 * 36.72 * Quadrature({4.5, 1.55}), 1e-12);
  EXPECT_NEAR(price.carbon().central.grams(), 0.01 * (36.72 + 182.82), 1e-12);
  EXPECT_THAT(Names(pricing),
              ElementsAre("grid_intensity.CHE", "grid_intensity.HUN", "network.net.default/1.fixed"));
  EXPECT_THAT(pricing.Warnings(), IsEmpty());
}

TEST(PricingTest, UnconfirmedBytesAreInHighAlone) {
  Pricing pricing = MakePricing();
  const v1::Node zurich = Described("CHE");
  const Pricing::NodeIndex node = pricing.AddNode("zurich", &zurich);
  const Pricing::EdgeIndex edge = pricing.AddEdge(node, node);
  const CommunicationPrice confirmed = pricing.Price(edge, kGigabyte, Bytes(0), 0);
  const CommunicationPrice with_unconfirmed = pricing.Price(edge, kGigabyte, kGigabyte, 0);
  EXPECT_EQ(with_unconfirmed.at_from.central, confirmed.at_from.central);
  EXPECT_EQ(with_unconfirmed.at_from.interval->low, confirmed.at_from.interval->low);
  EXPECT_EQ(with_unconfirmed.at_from.interval->high, confirmed.at_from.interval->high * 2);
  EXPECT_EQ(with_unconfirmed.energy.interval->high, confirmed.energy.interval->high * 2);
  const CommunicationPrice unconfirmed_alone = pricing.Price(edge, Bytes(0), kGigabyte, 0);
  EXPECT_EQ(unconfirmed_alone.at_to.central, Grams(0));
  EXPECT_EQ(unconfirmed_alone.at_to.interval->low, Grams(0));
  EXPECT_EQ(unconfirmed_alone.at_to.interval->high, confirmed.at_to.interval->high);
}

TEST(PricingTest, PricesAreLinear) {
  Pricing pricing = MakePricing();
  const v1::Node zurich = Described("CHE", v1::LINK_KIND_MOBILE);
  const Pricing::NodeIndex node = pricing.AddNode("zurich", &zurich);
  const Pricing::EdgeIndex edge = pricing.AddEdge(node, pricing.AddNode("", nullptr));
  ComputationPrice computation;
  CommunicationPrice communication;
  for (int round = 1; round <= 100; ++round) {
    computation +=
        pricing.Price(node, {absl::Seconds(round), absl::Seconds(2 * round), absl::ZeroDuration()});
    communication += pricing.Price(edge, Bytes(1000 * round), Bytes(round), 1);
  }
  const ComputationPrice at_once = pricing.Price(node, {absl::Seconds(5050), absl::Seconds(10100), {}});
  const CommunicationPrice bytes_at_once = pricing.Price(edge, Bytes(5'050'000), Bytes(5050), 1);
  EXPECT_NEAR(computation.carbon.interval->high / at_once.carbon.interval->high, 1, 1e-12);
  EXPECT_NEAR(computation.energy.interval->low / at_once.energy.interval->low, 1, 1e-12);
  EXPECT_NEAR(communication.at_to.interval->high / bytes_at_once.at_to.interval->high, 1, 1e-12);
  EXPECT_NEAR(communication.energy.central / bytes_at_once.energy.central, 1, 1e-12);
}

TEST(PricingTest, NothingCostsNothingAndUsesNoFactor) {
  Pricing pricing = MakePricing();
  const Pricing::NodeIndex node = pricing.AddNode("", nullptr);
  EXPECT_EQ(pricing.Price(node, {}).carbon.interval->high, Grams(0));
  EXPECT_EQ(pricing.Price(pricing.AddEdge(node, node), Bytes(0), Bytes(0), 0).carbon().interval->high,
            Grams(0));
  EXPECT_THAT(pricing.Factors(), IsEmpty());
  EXPECT_THAT(pricing.Warnings(), IsEmpty());
}

struct LinkCase {
  v1::LinkKind from;
  v1::LinkKind to;
  const char* factor;
};

TEST(PricingTest, TheEdgesLinkComesFromBothEnds) {
  constexpr auto kUnknown = v1::LINK_KIND_UNSPECIFIED;
  constexpr auto kFixed = v1::LINK_KIND_FIXED;
  constexpr auto kMobile = v1::LINK_KIND_MOBILE;
  constexpr auto kLan = v1::LINK_KIND_LAN;
  constexpr auto kDatacentre = v1::LINK_KIND_DATACENTRE;
  for (const LinkCase& link : {
           LinkCase{kFixed, kFixed, "fixed"},
           LinkCase{kFixed, kMobile, "mobile"},
           LinkCase{kMobile, kDatacentre, "mobile"},
           LinkCase{kMobile, kUnknown, "mobile"},
           LinkCase{kLan, kLan, "lan"},
           LinkCase{kLan, kFixed, "fixed"},
           LinkCase{kLan, kDatacentre, "fixed"},
           LinkCase{kDatacentre, kDatacentre, "datacentre"},
           LinkCase{kDatacentre, kFixed, "fixed"},
           LinkCase{kUnknown, kLan, "fixed"},
           LinkCase{kUnknown, kUnknown, "fixed"},
       }) {
    Pricing pricing = MakePricing();
    const v1::Node from = Described("CHE", link.from);
    const v1::Node to = Described("CHE", link.to);
    pricing.Price(pricing.AddEdge(pricing.AddNode("from", &from), pricing.AddNode("to", &to)), kGigabyte,
                  Bytes(0), 0);
    const std::string name = std::string("network.net.default/1.") + link.factor;
    ASSERT_THAT(Names(pricing), Contains(name));
    const bool assumed =
        std::string(link.factor) == "fixed" && (link.from == kUnknown || link.to == kUnknown);
    EXPECT_EQ(!Find(pricing, name).flags.empty() && link.factor != std::string("lan"), assumed) << name;
    EXPECT_EQ(!pricing.Warnings().empty(), assumed);
  }
}

TEST(PricingTest, AModelWithoutAConstantForTheLinkUsesFixedFlagged) {
  for (const char* model : {kNetMalmodinMarginal, kNetAslan, kNetSwd}) {
    Pricing pricing = MakePricing(MethodOf("", {model}));
    const v1::Node node = Described("CHE", v1::LINK_KIND_LAN);
    const Pricing::NodeIndex index = pricing.AddNode("zurich", &node);
    pricing.Price(pricing.AddEdge(index, index), kGigabyte, Bytes(0), 0);
    const Factor factor = Find(pricing, std::string("network.") + model + ".fixed");
    EXPECT_THAT(factor.flags, Contains("no constant for lan links: fixed is used"));
    EXPECT_THAT(pricing.Warnings(), Contains(HasSubstr("no constant for lan links")));
  }
}

TEST(PricingTest, ModelsWithoutAnIntervalStateNone) {
  for (const char* model : {kNetSwd, kNetCumulator}) {
    Pricing pricing = MakePricing(MethodOf("", {model}));
    const v1::Node node = Described("CHE");
    const Pricing::NodeIndex index = pricing.AddNode("zurich", &node);
    const CommunicationPrice price = pricing.Price(pricing.AddEdge(index, index), kGigabyte, kGigabyte, 0);
    EXPECT_FALSE(price.energy.interval.has_value());
    EXPECT_FALSE(price.carbon().interval.has_value());
    EXPECT_GT(price.carbon().central, Grams(0));
  }
}

TEST(PricingTest, AslanSaysThatItExtrapolates) {
  Pricing pricing = MakePricing(MethodOf("", {kNetAslan}), 2026);
  const v1::Node node = Described("CHE");
  const Pricing::NodeIndex index = pricing.AddNode("zurich", &node);
  const CommunicationPrice price = pricing.Price(pricing.AddEdge(index, index), kGigabyte, Bytes(0), 0);
  EXPECT_NEAR(price.energy.interval->high / price.energy.central, std::pow(2.5, 1.645), 1e-9);
  EXPECT_THAT(Find(pricing, "network.net.aslan/2018.fixed").flags,
              ElementsAre("extrapolated beyond 2015", "2020 for a run of 2026"));
}

TEST(PricingTest, AnUpperBoundOfTimeMakesOneWhereTimeIsPriced) {
  ComputationAmounts amounts{absl::Hours(1), absl::ZeroDuration(), absl::Hours(2)};
  amounts.wall_is_upper_bound = true;
  for (const char* model : {kModelRound, kModelCumulator}) {
    Pricing pricing = MakePricing(MethodOf(model, {}));
    const Pricing::NodeIndex node = pricing.AddNode("zurich", nullptr);
    const ComputationPrice bound = pricing.Price(node, amounts);
    const ComputationPrice sum = ComputationPrice(bound) += pricing.Price(node, kCpuHour);
    EXPECT_EQ(sum.carbon.at_most, model == kModelCumulator) << model;
    EXPECT_EQ(sum.energy.at_most, model == kModelCumulator) << model;
    EXPECT_FALSE(pricing.Price(node, kCpuHour).carbon.at_most) << model;
  }
}

TEST(PricingTest, CumulatorPricesWallTimeAtItsOwnConstants) {
  Pricing pricing = MakePricing(MethodOf(kModelCumulator, {kNetDefault}));
  EXPECT_THAT(pricing.network_models(), ElementsAre(kNetCumulator, kNetDefault));
  const v1::Node zurich = Described("CHE");  // two accelerators
  const Pricing::NodeIndex two = pricing.AddNode("zurich", &zurich);
  const Pricing::NodeIndex none = pricing.AddNode("aggregator", nullptr);
  const ComputationAmounts amounts{absl::Hours(9), absl::Hours(9), absl::Hours(1)};
  EXPECT_EQ(pricing.Price(none, amounts).carbon.central, Grams(111.75));
  EXPECT_EQ(pricing.Price(two, amounts).carbon.central, Grams(223.5));
  EXPECT_FALSE(pricing.Price(two, amounts).carbon.interval.has_value());
  const CommunicationPrice price = pricing.Price(pricing.AddEdge(two, none), kGigabyte, Bytes(0), 0);
  EXPECT_EQ(price.carbon().central, Grams(30.816179999999996));
  EXPECT_EQ(price.at_from.central, price.at_to.central);
  EXPECT_THAT(Names(pricing),
              ElementsAre("cumulator.carbon_intensity", "cumulator.watts", "network.net.cumulator/2020"));
}

TEST(PricingTest, CumulatorsDigitsForOddAmounts) {
  Pricing pricing = MakePricing(MethodOf(kModelCumulator, {}));
  const Pricing::NodeIndex node = pricing.AddNode("a", nullptr);
  EXPECT_EQ(pricing.Price(node, {{}, {}, absl::Milliseconds(7250)}).carbon.central,
            Grams(0.22505208333333332));
  EXPECT_EQ(pricing.Price(pricing.AddEdge(node, node), Bytes(333'333), Bytes(0), 0).carbon().central,
            Grams(0.01027204972794));
}

TEST(PricingTest, WarningsGroupNodes) {
  Pricing pricing = MakePricing();
  for (int i = 0; i < 8; ++i) pricing.Price(pricing.AddNode("n" + std::to_string(i), nullptr), kCpuHour);
  EXPECT_THAT(pricing.Warnings(), Contains(HasSubstr("n0, n1, n2, n3, n4 and 3 more: no country is known")));
  EXPECT_THAT(pricing.Warnings(), Not(Contains(HasSubstr("n5"))));
}

TEST(PricingTest, AFactorsFileTakesEffect) {
  const auto factors = std::make_shared<FactorSet>(
      LoadFactors(*BuiltInFactors(), "[grid_intensity]\nCHE = 100\n", "site.toml").value());
  Pricing pricing = Pricing::Create(factors, {}, kYear).value();
  const v1::Node zurich = Described("CHE");
  const ComputationPrice price = pricing.Price(pricing.AddNode("zurich", &zurich), kCpuHour);
  EXPECT_NEAR(price.carbon.central.grams(), 1.5, 1e-12);
  EXPECT_TRUE(price.energy.interval.has_value());
  EXPECT_FALSE(price.carbon.interval.has_value());
}

}  // namespace
}  // namespace fedcarbon
