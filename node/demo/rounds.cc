#include "node/demo/rounds.h"

#include <optional>
#include <utility>
#include <vector>

#include "node/demo/messages.h"

namespace fedcarbon::demo {
namespace {

/// A task without its work.
v1::Task NewTask(const RunOptions& options) {
  v1::Task task;
  task.set_run(options.run);
  task.set_seed(options.schedule.seed);
  task.set_note(options.note);
  return task;
}

absl::StatusOr<Standardisation> Summarise(const RunOptions& options, const std::shared_ptr<Meter>& meter,
                                          TaskBoard* board) {
  v1::Task task = NewTask(options);
  task.mutable_summarise();
  board->Post(std::move(task));
  const absl::StatusOr<std::vector<v1::Result>> results = board->Collect();
  if (!results.ok()) return results.status();
  const RoundScope scope({options.run, std::nullopt});
  const ComputeSpan span(meter, fedcarbon::v1::SPAN_KIND_AGGREGATE);
  FeatureSums sums;
  for (const v1::Result& result : *results) sums += FeatureSumsFrom(result.sums());
  if (sums.rows == 0) return absl::FailedPreconditionError("no hospital has a patient to train on");
  return Standardise(sums);
}

absl::Status Train(v1::Task task, const RunOptions& options, const Standardisation& standardisation,
                   const std::shared_ptr<Meter>& meter, TaskBoard* board, Network* network) {
  ToMessage(*network, standardisation, task.mutable_train()->mutable_model());
  task.mutable_train()->set_learning_rate(options.schedule.learning_rate);
  board->Post(std::move(task));
  const absl::StatusOr<std::vector<v1::Result>> results = board->Collect();
  if (!results.ok()) return results.status();
  const ComputeSpan span(meter, fedcarbon::v1::SPAN_KIND_AGGREGATE);
  std::vector<Update> updates;
  for (const v1::Result& result : *results) {
    const auto& parameters = result.update().parameters();
    updates.push_back({{parameters.begin(), parameters.end()}, result.update().rows()});
  }
  network->set_parameters(Average(updates));
  return absl::OkStatus();
}

absl::StatusOr<Score> Evaluate(v1::Task task, const Standardisation& standardisation, const Network& network,
                               TaskBoard* board) {
  ToMessage(network, standardisation, task.mutable_evaluate()->mutable_model());
  board->Post(std::move(task));
  const absl::StatusOr<std::vector<v1::Result>> results = board->Collect();
  if (!results.ok()) return results.status();
  Score score;
  for (const v1::Result& result : *results) score += {result.score().correct(), result.score().rows()};
  return score;
}

absl::StatusOr<Score> RunRound(uint64_t round, const RunOptions& options,
                               const Standardisation& standardisation, const std::shared_ptr<Meter>& meter,
                               TaskBoard* board, Network* network) {
  const RoundScope scope({options.run, round});
  v1::Task task = NewTask(options);
  task.set_round(round);
  const absl::Status trained = Train(task, options, standardisation, meter, board, network);
  if (!trained.ok()) return trained;
  return Evaluate(std::move(task), standardisation, *network, board);
}

}  // namespace

absl::StatusOr<Score> RunRounds(const RunOptions& options, const std::shared_ptr<Meter>& meter,
                                TaskBoard* board) {
  const absl::StatusOr<Standardisation> standardisation = Summarise(options, meter, board);
  if (!standardisation.ok()) return standardisation.status();

  Network network(options.schedule.widths);
  network.Initialise(options.schedule.seed);
  Score last;
  for (uint64_t round = 0; round < options.schedule.rounds; ++round) {
    meter->StartRound({options.run, round});
    const absl::StatusOr<Score> score = RunRound(round, options, *standardisation, meter, board, &network);
    meter->EndRound({options.run, round},
                    score.ok() ? fedcarbon::v1::OUTCOME_COMPLETED : fedcarbon::v1::OUTCOME_FAILED);
    if (!score.ok()) return score.status();
    last = *score;
    options.on_round(round, last);
  }
  v1::Task finish = NewTask(options);
  finish.mutable_finish();
  board->Post(std::move(finish));
  return last;
}

}  // namespace fedcarbon::demo
