// The aggregator's part of the training: federated sums, then round after round of FedAvg.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "fedcarbon/meter/meter.h"
#include "node/demo/task_board.h"
#include "node/demo/training.h"

namespace fedcarbon::demo {

struct RunOptions {
  Schedule schedule;
  std::string run;                                                   // its id
  std::string note;                                                  // goes with every task
  std::function<void(uint64_t round, const Score& score)> on_round;  // after each round
};

/// Leads the hospitals at `board` through all rounds and returns the last round's score over all held-out
/// rows. CANCELLED once the board was stopped.
absl::StatusOr<Score> RunRounds(const RunOptions& options, const std::shared_ptr<Meter>& meter,
                                TaskBoard* board);

}  // namespace fedcarbon::demo
