// Means and deviations over all hospitals' rows, from sums that each computes for itself.
#pragma once

#include <array>
#include <cstdint>

#include "node/demo/heart_disease.h"

namespace fedcarbon::demo {

/// What a hospital tells of its training rows.
struct FeatureSums {
  uint64_t rows = 0;
  std::array<double, kFeatures> sums{};
  std::array<double, kFeatures> square_sums{};

  FeatureSums& operator+=(const FeatureSums& other);
};

FeatureSums SumFeatures(const Patients& patients);

/// Brings every input to mean 0 and deviation 1.
struct Standardisation {
  std::array<double, kFeatures> means{};
  std::array<double, kFeatures> deviations{};
};

/// An input that never varies keeps deviation 1. `sums` hold at least one row.
Standardisation Standardise(const FeatureSums& sums);

void Apply(const Standardisation& standardisation, Patients* patients);

}  // namespace fedcarbon::demo
