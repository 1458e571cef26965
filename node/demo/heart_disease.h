// The demo's data: patients of one hospital, as node/demo/data/README.md describes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fedcarbon::demo {

/// Inputs of a model: age, sex, cp = 2, 3, 4, trestbps, chol, fbs, restecg = 1, 2, thalach, exang, oldpeak.
inline constexpr size_t kFeatures = 13;
using Features = std::array<float, kFeatures>;

struct Patient {
  Features features;
  bool diseased = false;
};
using Patients = std::vector<Patient>;

/// The rows of a file whose first ten columns are complete. INVALID_ARGUMENT names file, line and column.
absl::StatusOr<Patients> LoadPatients(const std::string& path);

struct Split {
  Patients training;  // two thirds, rounded down
  Patients held_out;
};

/// Divides the rows by chance; the same seed gives the same split on every machine.
Split SplitPatients(const Patients& patients, uint64_t seed);

}  // namespace fedcarbon::demo
