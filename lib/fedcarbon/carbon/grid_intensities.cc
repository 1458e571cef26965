#include "fedcarbon/carbon/grid_intensities.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace fedcarbon {
namespace {

constexpr absl::string_view kHeader = "iso3,country_or_region,year,gco2e_per_kwh";

// Ember (production) against Electricity Maps (consumption), 51 countries in 2024: the standard deviation of
// the logarithm of their ratio is 0.265, and exp(1.645 * 0.265) = 1.55.
constexpr double kCountrySpread = 1.55;

bool IsAlpha3(absl::string_view code) {
  return code.size() == 3 && std::all_of(code.begin(), code.end(), absl::ascii_isupper);
}

// The value below which `share` of `sorted` lies: nearest rank.
double Percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

absl::StatusOr<Factor> ParseLine(absl::string_view line, absl::string_view source) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
  if (fields.size() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.size(), " fields instead of 4: write ", kHeader, ", without commas in names"));
  }
  const absl::string_view code = fields[0];
  const absl::string_view place = fields[1];
  if (!code.empty() && !IsAlpha3(code)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", code, "\" is no ISO 3166 alpha-3 code: three capitals, or nothing for a region"));
  }
  if (place.empty()) return absl::InvalidArgumentError("no country or region: name it in the second field");
  Factor factor;
  factor.name = absl::StrCat("grid_intensity.", code.empty() ? place : code);
  if (!absl::SimpleAtoi(fields[2], &factor.year) || factor.year < kFirstFactorYear ||
      factor.year > kLastFactorYear) {
    return absl::InvalidArgumentError(absl::StrCat("year \"", fields[2], "\" is not a whole number from ",
                                                   kFirstFactorYear, " to ", kLastFactorYear));
  }
  double value = 0;
  if (!absl::SimpleAtod(fields[3], &value) || !(value >= 0) || !(value <= kMaxFactor)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", fields[3], "\" is not a number of gCO2e/kWh from 0 to ", static_cast<int64_t>(kMaxFactor)));
  }
  if (value > 0) {
    factor.value = WithinFactor(value, kCountrySpread);
    factor.meaning = kP5ToP95;
  } else {
    factor.value = Estimate<double>::Unstated(0);
    factor.flags.push_back("0 in the source");
  }
  factor.unit = Unit::kGramsPerKilowattHour;
  factor.source = std::string(source);
  return factor;
}

// World stands for a country that nobody named: its interval is the spread of all countries.
void SpreadWorld(const std::vector<double>& countries, Factor* world) {
  world->kind = v1::Factor::KIND_DEFAULT;
  world->flags.push_back("world average");
  if (countries.empty()) return;
  std::vector<double> sorted = countries;
  std::sort(sorted.begin(), sorted.end());
  const double central = world->value.central;
  world->value = Estimate<double>::Within(std::min(central, Percentile(sorted, 0.05)), central,
                                          std::max(central, Percentile(sorted, 0.95)));
  world->meaning = "P5-P95 of the countries in the table";
}

}  // namespace

absl::StatusOr<GridIntensities> ParseGridIntensities(absl::string_view csv, const std::string& name,
                                                     absl::string_view source) {
  if (csv.size() > kMaxFactorsText) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", csv.size(), " bytes, at most ", kMaxFactorsText, " are read: shorten it"));
  }
  GridIntensities intensities;
  std::vector<double> countries;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(csv, '\n')) {
    ++number;
    line = absl::StripSuffix(line, "\r");
    const auto error = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(name, ":", number, ": ", what));
    };
    if (number == 1) {
      if (line != kHeader) return error(absl::StrCat("the first line must be ", kHeader));
      continue;
    }
    if (line.empty()) continue;
    absl::StatusOr<Factor> factor = ParseLine(line, source);
    if (!factor.ok()) return error(factor.status().message());
    const std::string key = factor->name.substr(factor->name.find('.') + 1);
    if (IsAlpha3(line.substr(0, 3))) countries.push_back(factor->value.central);
    if (!intensities.emplace(key, *std::move(factor)).second) {
      return error(absl::StrCat(key, " stands here a second time: keep one"));
    }
  }
  const auto world = intensities.find(kWorld);
  if (world == intensities.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": no line for ", kWorld,
                     ", which stands in for unknown countries: add \",World,<year>,<g>\""));
  }
  SpreadWorld(countries, &world->second);
  return intensities;
}

}  // namespace fedcarbon
