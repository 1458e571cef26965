#include "fedcarbon/carbon/impact.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fedcarbon/carbon/cumulator_model.h"

namespace fedcarbon {
namespace {

constexpr Watts kMeetingWatts{187.6};
constexpr double kCarGramsPerKilometre = 148.1;

Grams Cost(Watts power, absl::Duration per_week, double weeks) {
  return power * per_week * weeks * kCumulatorIntensity;
}

}  // namespace

absl::StatusOr<Impact> ComputeImpact(const ImpactInput& input) {
  const std::pair<const char*, double> amounts[] = {
      {"data traffic", input.data_traffic.grams()},
      {"ML models", input.ml_models.grams()},
      {"screening", absl::ToDoubleSeconds(input.screening_per_week)},
      {"weeks", input.weeks},
      {"meeting", absl::ToDoubleSeconds(input.meeting)},
      {"hardware", input.hardware.watts()}};
  for (const auto& [name, value] : amounts) {
    if (!std::isfinite(value) || value < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("impact statement: ", name, " is ", value, ": state a finite number, at least 0"));
    }
  }
  Impact impact;
  impact.ml_models = input.ml_models;
  impact.data_traffic = input.data_traffic;
  impact.meetings = Cost(kMeetingWatts, input.meeting, input.weeks);
  impact.screening = Cost(input.hardware, input.screening_per_week, input.weeks);
  impact.total = impact.meetings + impact.screening + impact.data_traffic + impact.ml_models;
  if (!(impact.total <= kMaxImpact)) {
    return absl::InvalidArgumentError(absl::StrCat("impact statement: the total of ", impact.total.grams(),
                                                   " g is above ", kMaxImpact.grams(),
                                                   " g: check its parts"));
  }
  impact.car_kilometres = static_cast<int64_t>(impact.total.grams() / kCarGramsPerKilometre);
  return impact;
}

std::string ImpactStatement(const Impact& impact) {
  const std::string hashes = std::string(62, '#') + "\n";
  const std::string dashes = std::string(62, '-') + "\n";
  return absl::StrCat(hashes,
                      absl::StrFormat("Total carbon emissions for this project: %.2e gCO2eq\n"
                                      "You could have powered the average passenger car for %d km\n"
                                      "with all that compute effort.\n",
                                      impact.total.grams(), impact.car_kilometres),
                      dashes,
                      absl::StrFormat("ML models: %.2e gCO2eq\n"
                                      "Internet data traffic: %.2e gCO2eq\n"
                                      "Meetings: %.2e gCO2eq\n"
                                      "Screening: %.2e gCO2eq\n",
                                      impact.ml_models.grams(), impact.data_traffic.grams(),
                                      impact.meetings.grams(), impact.screening.grams()),
                      dashes, hashes);
}

}  // namespace fedcarbon
