// Training and judging a network: one epoch of stochastic gradient descent, and McMahan's federated average.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "node/demo/heart_disease.h"
#include "node/demo/network.h"
#include "node/demo/standardisation.h"

namespace fedcarbon::demo {

/// How a model is trained.
struct Schedule {
  std::vector<size_t> widths;
  float learning_rate = 0;
  uint64_t rounds = 15;
  uint64_t seed = 1;
};

/// "logistic" (14 parameters) or "mlp" (270,337 parameters, 1.08 MB). INVALID_ARGUMENT for any other.
absl::StatusOr<Schedule> ScheduleFor(absl::string_view model, uint64_t rounds, uint64_t seed);

/// One epoch over the patients in batches of 16, in an order that seed and round decide.
void TrainEpoch(const Patients& training, float learning_rate, uint64_t seed, uint64_t round,
                Network* network);

/// How many patients were classified, and how many rightly.
struct Score {
  uint64_t correct = 0;
  uint64_t rows = 0;

  double accuracy() const { return rows == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(rows); }
  Score& operator+=(const Score& other);
};
Score Evaluate(const Patients& held_out, Network* network);

/// The parameters that one hospital's epoch gave; its rows are its weight.
struct Update {
  std::vector<float> parameters;
  uint64_t rows = 0;
};

/// The average of the updates, weighted by rows: FedAvg (McMahan et al. 2017, algorithm 1). All are of one
/// length, and at least one has rows.
std::vector<float> Average(const std::vector<Update>& updates);

/// What the same schedule reaches if all rows lie in one place: the demo's yardstick. The rows are those that
/// the hospitals train on and hold out, as many epochs as there are rounds.
Score TrainPooled(const std::vector<Split>& hospitals, const Schedule& schedule);

}  // namespace fedcarbon::demo
