// All factors that a footprint needs, and the built-in ones.
//
// Value types; const access is safe from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fedcarbon/carbon/factor.h"
#include "fedcarbon/carbon/grid_intensities.h"
#include "fedcarbon/carbon/network.h"
#include "fedcarbon/v1/facts.pb.h"

namespace fedcarbon {

/// Factors of all kinds but the built-in network ones, which depend on the year (network.h).
struct FactorSet {
  GridIntensities grid_intensity;
  Factor pue_datacentre;
  Factor pue_other;
  Factor watts_per_core;
  Factor accelerator_watts;
  /// kWh/GB, by id of the network model and link kind: what a factors file states instead of the model's own.
  std::map<std::string, std::map<v1::LinkKind, Factor>, std::less<>> network;

  /// The model's factor for a link of this kind in that year; absent where it has none for this kind.
  std::optional<Factor> Network(const NetworkModel& model, v1::LinkKind link, int year) const;

  /// Every factor, network models' for `year` included, by name.
  std::vector<Factor> All(int year) const;
};

/// Ember's grid intensities (lib/fedcarbon/carbon/data) and the defaults of README.md. Lives for ever.
std::shared_ptr<const FactorSet> BuiltInFactors();

}  // namespace fedcarbon
