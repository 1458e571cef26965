// Carbon intensities of electricity by country and region, and the table that they are read from.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fedcarbon/carbon/factor.h"

namespace fedcarbon {

/// The region that stands in for an end whose country is unknown.
inline constexpr char kWorld[] = "World";

/// gCO2e/kWh, by ISO 3166 alpha-3 code, or by the name of a region ("EU", "World"). Holds kWorld always.
using GridIntensities = std::map<std::string, Factor, std::less<>>;

/// A whole table of grid intensities: a line `iso3,country_or_region,year,gco2e_per_kwh`, then one like it
/// per country, and per region with an empty iso3; World must be there. P5-P95 of a country is x/÷ 1.55
/// (Ember against Electricity Maps, 51 countries, 2024); of World, P5 and P95 of the table's countries, since
/// it stands for any of them; a value of 0 has no interval. INVALID_ARGUMENT "name:line: what, remedy".
absl::StatusOr<GridIntensities> ParseGridIntensities(absl::string_view csv, const std::string& name,
                                                     absl::string_view source);

}  // namespace fedcarbon
