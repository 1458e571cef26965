// Factors: the numbers that turn facts into carbon, each with its interval, unit, source, year and kind. The
// built-in ones, and a site's own from a factors file (README.md beside this file has the format).
//
// Value types; const access is safe from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fedcarbon/carbon/estimate.h"
#include "fedcarbon/carbon/network.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon {

/// The region that stands in for an end whose country is unknown.
inline constexpr char kWorld[] = "World";

/// What a factors file or table may hold.
inline constexpr double kMaxFactor = 1'000'000;
inline constexpr int kFirstFactorYear = 1990;
inline constexpr int kLastFactorYear = 2100;
inline constexpr size_t kMaxFactorsText = 1 << 20;  // bytes

/// gCO2e/kWh, by ISO 3166 alpha-3 code, or by the name of a region ("EU", "World"). Holds kWorld always.
using GridIntensities = std::map<std::string, Factor, std::less<>>;

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

/// `base` with what the factors file states instead. `name` is the file's name, for messages.
/// INVALID_ARGUMENT "name:line:column: what is wrong, and what to do": not TOML, an unknown key, model, link
/// kind or country, a wrong type, a value that is negative, NaN, infinite or above 1,000,000, a PUE below 1,
/// low > central or central > high, one of low and high alone, a text above 1 MiB.
absl::StatusOr<FactorSet> LoadFactors(const FactorSet& base, absl::string_view toml, const std::string& name);

/// A whole table of grid intensities: a line `iso3,country_or_region,year,gco2e_per_kwh`, then one like it
/// per country, and per region with an empty iso3; World must be there. P5-P95 of a country is x/÷ 1.55
/// (Ember against Electricity Maps, 51 countries, 2024); of World, P5 and P95 of the table's countries, since
/// it stands for any of them; a value of 0 has no interval. INVALID_ARGUMENT "name:line: what, remedy".
absl::StatusOr<GridIntensities> ParseGridIntensities(absl::string_view csv, const std::string& name,
                                                     absl::string_view source);

}  // namespace fedcarbon
