#include "node/demo/standardisation.h"

#include <algorithm>
#include <cmath>

namespace fedcarbon::demo {

FeatureSums& FeatureSums::operator+=(const FeatureSums& other) {
  rows += other.rows;
  for (size_t i = 0; i < kFeatures; ++i) {
    sums[i] += other.sums[i];
    square_sums[i] += other.square_sums[i];
  }
  return *this;
}

FeatureSums SumFeatures(const Patients& patients) {
  FeatureSums total;
  total.rows = patients.size();
  for (const Patient& patient : patients) {
    for (size_t i = 0; i < kFeatures; ++i) {
      const double value = patient.features[i];
      total.sums[i] += value;
      total.square_sums[i] += value * value;
    }
  }
  return total;
}

Standardisation Standardise(const FeatureSums& sums) {
  Standardisation result;
  const auto rows = static_cast<double>(sums.rows);
  for (size_t i = 0; i < kFeatures; ++i) {
    result.means[i] = sums.sums[i] / rows;
    const double variance = sums.square_sums[i] / rows - result.means[i] * result.means[i];
    // Below this the difference of two large sums is rounding.
    result.deviations[i] = variance > 1e-9 ? std::sqrt(variance) : 1;
  }
  return result;
}

void Apply(const Standardisation& standardisation, Patients* patients) {
  for (Patient& patient : *patients) {
    for (size_t i = 0; i < kFeatures; ++i) {
      patient.features[i] = static_cast<float>((patient.features[i] - standardisation.means[i]) /
                                               standardisation.deviations[i]);
    }
  }
}

}  // namespace fedcarbon::demo
