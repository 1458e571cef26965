#include "node/demo/training.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "node/demo/shuffle.h"

namespace fedcarbon::demo {
namespace {

constexpr size_t kBatch = 16;

}  // namespace

absl::StatusOr<Schedule> ScheduleFor(absl::string_view model, uint64_t rounds, uint64_t seed) {
  if (model == "logistic") return Schedule{{kFeatures, 1}, 0.05f, rounds, seed};
  if (model == "mlp") return Schedule{{kFeatures, 512, 512, 1}, 0.02f, rounds, seed};
  return absl::InvalidArgumentError(absl::StrCat("no model \"", model, "\": choose mlp or logistic"));
}

void TrainEpoch(const Patients& training, float learning_rate, uint64_t seed, uint64_t round,
                Network* network) {
  const std::vector<size_t> order = ShuffledIndexes(training.size(), seed * 1'000'003 + round);
  std::vector<float> gradient(network->parameters().size());
  for (size_t begin = 0; begin < order.size(); begin += kBatch) {
    const size_t end = std::min(begin + kBatch, order.size());
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    for (size_t i = begin; i < end; ++i) network->AddGradient(training[order[i]], &gradient);
    network->Step(learning_rate / static_cast<float>(end - begin), gradient);
  }
}

Score& Score::operator+=(const Score& other) {
  correct += other.correct;
  rows += other.rows;
  return *this;
}

Score Evaluate(const Patients& held_out, Network* network) {
  Score score;
  score.rows = held_out.size();
  for (const Patient& patient : held_out) {
    if ((network->Predict(patient.features) > 0) == patient.diseased) ++score.correct;
  }
  return score;
}

std::vector<float> Average(const std::vector<Update>& updates) {
  double rows = 0;
  for (const Update& update : updates) rows += static_cast<double>(update.rows);
  std::vector<double> sums(updates.front().parameters.size());
  for (const Update& update : updates) {
    const double weight = static_cast<double>(update.rows) / rows;
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += weight * update.parameters[i];
  }
  return std::vector<float>(sums.begin(), sums.end());
}

Score TrainPooled(const std::vector<Split>& hospitals, const Schedule& schedule) {
  Split pooled;
  for (const Split& hospital : hospitals) {
    pooled.training.insert(pooled.training.end(), hospital.training.begin(), hospital.training.end());
    pooled.held_out.insert(pooled.held_out.end(), hospital.held_out.begin(), hospital.held_out.end());
  }
  const Standardisation standardisation = Standardise(SumFeatures(pooled.training));
  Apply(standardisation, &pooled.training);
  Apply(standardisation, &pooled.held_out);

  Network network(schedule.widths);
  network.Initialise(schedule.seed);
  for (uint64_t round = 0; round < schedule.rounds; ++round) {
    TrainEpoch(pooled.training, schedule.learning_rate, schedule.seed, round, &network);
  }
  return Evaluate(pooled.held_out, &network);
}

}  // namespace fedcarbon::demo
