#include "fedcarbon/carbon/factors.h"

#include <string_view>

namespace fedcarbon {
namespace embedded {
extern const std::string_view carbon_intensity_ember;
}  // namespace embedded

namespace {

Factor DefaultFactor(const char* name, Estimate<double> value, Unit unit, const char* meaning,
                     const char* source, int year) {
  Factor factor;
  factor.name = name;
  factor.value = value;
  factor.unit = unit;
  factor.source = source;
  factor.year = year;
  factor.kind = v1::Factor::KIND_DEFAULT;
  factor.meaning = meaning;
  factor.flags.push_back("default");
  return factor;
}

FactorSet MakeBuiltIn() {
  FactorSet factors;
  // The table is compiled in, and a test parses it: what fails here is a broken build.
  factors.grid_intensity =
      ParseGridIntensities({embedded::carbon_intensity_ember.data(), embedded::carbon_intensity_ember.size()},
                           "carbon_intensity_ember.csv", "Ember, production mix, life cycle, CC BY 4.0")
          .value();
  factors.pue_datacentre = DefaultFactor(
      "pue.datacentre", Estimate<double>::Within(1.09, 1.56, 1.89), Unit::kOne, kPublishedRange,
      "Uptime Institute 2024; low: hyperscale (Meta, OVH), high: Uptime's highest average (2011)", 2024);
  factors.pue_other =
      DefaultFactor("pue.other", Estimate<double>::Within(1.4, 1.8, 2.5), Unit::kOne, kPublishedRange,
                    "judgement for a hospital's server room; high: LBNL's small rooms (2016)", 0);
  factors.watts_per_core = DefaultFactor("watts_per_core", WithinFactor(12, 2), Unit::kWatts, kP5ToP95,
                                         "Green Algorithms (Lannelongue 2021), unknown CPU", 2021);
  factors.accelerator_watts = DefaultFactor("accelerator_watts", WithinFactor(200, 2), Unit::kWatts, kP5ToP95,
                                            "Green Algorithms (Lannelongue 2021), unknown GPU", 2021);
  return factors;
}

}  // namespace

std::optional<Factor> FactorSet::Network(const NetworkModel& model, v1::LinkKind link, int year) const {
  const auto stated = network.find(model.id);
  if (stated != network.end()) {
    const auto factor = stated->second.find(link);
    if (factor != stated->second.end()) return factor->second;
  }
  return BuiltInNetworkFactor(model, link, year);
}

std::vector<Factor> FactorSet::All(int year) const {
  std::map<std::string, Factor> all;
  for (const Factor& factor : {pue_datacentre, pue_other, watts_per_core, accelerator_watts}) {
    all.emplace(factor.name, factor);
  }
  for (const auto& [place, factor] : grid_intensity) all.emplace(factor.name, factor);
  for (const NetworkModel& model : NetworkModels()) {
    for (v1::LinkKind link :
         {v1::LINK_KIND_FIXED, v1::LINK_KIND_MOBILE, v1::LINK_KIND_LAN, v1::LINK_KIND_DATACENTRE}) {
      if (const std::optional<Factor> factor = Network(model, link, year); factor.has_value()) {
        all.emplace(factor->name, *factor);
      }
    }
  }
  std::vector<Factor> factors;
  factors.reserve(all.size());
  for (auto& [name, factor] : all) factors.push_back(std::move(factor));
  return factors;
}

std::shared_ptr<const FactorSet> BuiltInFactors() {
  static const auto& factors =
      *new std::shared_ptr<const FactorSet>(std::make_shared<FactorSet>(MakeBuiltIn()));
  return factors;
}

}  // namespace fedcarbon
