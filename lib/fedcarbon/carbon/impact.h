// CUMULATOR's Impact Statement Protocol: what a project cost beside its machine-learning runs.
//
//   meetings  = 187.6 W * one meeting a week * weeks, at 447 g/kWh
//   screening = weeks * screening a week * 40 W, at 447 g/kWh
//   total     = meetings + screening + data traffic + ML models
//
// Source: CUMULATOR, src/cumulator/bonus.py (187.6 W: a video meeting; 148.1 gCO2/km: a passenger car, WLTP).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/units/units.h"

namespace fedcarbon {

struct ImpactInput {
  Grams data_traffic;  // of the project's internet use, as a browser extension measured it
  Grams ml_models;
  absl::Duration screening_per_week;
  double weeks = 14;
  absl::Duration meeting = absl::Minutes(45);  // one a week
  Watts hardware{40};                          // while screening
};

struct Impact {
  Grams total;
  Grams ml_models;
  Grams data_traffic;
  Grams meetings;
  Grams screening;
  int64_t car_kilometres = 0;  // of a passenger car, cut off as CUMULATOR does
};

inline constexpr Grams kMaxImpact{1e15};

/// INVALID_ARGUMENT, naming it, if an input is negative, NaN or infinite, or the total above kMaxImpact.
/// Pure: thread-safe.
absl::StatusOr<Impact> ComputeImpact(const ImpactInput& input);

/// The impact statement, every line ended by a newline. Pure: thread-safe. Never fails.
std::string ImpactStatement(const Impact& impact);

}  // namespace fedcarbon
