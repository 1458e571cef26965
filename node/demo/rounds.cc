#include "node/demo/rounds.h"

#include <optional>
#include <utility>
#include <vector>

#include "fedcarbon/status/status.h"
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
  ASSIGN_OR_RETURN(const std::vector<v1::Result> results, board->Collect());
  const RoundScope scope({options.run, std::nullopt});
  const ComputeSpan span(meter, fedcarbon::v1::SPAN_KIND_AGGREGATE);
  FeatureSums sums;
  for (const v1::Result& result : results) sums += FeatureSumsFrom(result.sums());
  if (sums.rows == 0) return absl::FailedPreconditionError("no hospital has a patient to train on");
  return Standardise(sums);
}

absl::Status Train(v1::Task task, const RunOptions& options, const Standardisation& standardisation,
                   const std::shared_ptr<Meter>& meter, TaskBoard* board, Network* network) {
  ToMessage(*network, standardisation, task.mutable_train()->mutable_model());
  task.mutable_train()->set_learning_rate(options.schedule.learning_rate);
  board->Post(std::move(task));
  ASSIGN_OR_RETURN(const std::vector<v1::Result> results, board->Collect());
  const ComputeSpan span(meter, fedcarbon::v1::SPAN_KIND_AGGREGATE);
  std::vector<Update> updates;
  for (const v1::Result& result : results) {
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
  ASSIGN_OR_RETURN(const std::vector<v1::Result> results, board->Collect());
  Score score;
  for (const v1::Result& result : results) score += {result.score().correct(), result.score().rows()};
  return score;
}

absl::StatusOr<Score> RunRound(uint64_t round, const RunOptions& options,
                               const Standardisation& standardisation, const std::shared_ptr<Meter>& meter,
                               TaskBoard* board, Network* network) {
  const RoundScope scope({options.run, round});
  v1::Task task = NewTask(options);
  task.set_round(round);
  RETURN_IF_ERROR(Train(task, options, standardisation, meter, board, network));
  return Evaluate(std::move(task), standardisation, *network, board);
}

}  // namespace

absl::StatusOr<Score> RunRounds(const RunOptions& options, const std::shared_ptr<Meter>& meter,
                                TaskBoard* board) {
  ASSIGN_OR_RETURN(const Standardisation standardisation, Summarise(options, meter, board));

  Network network(options.schedule.widths);
  network.Initialise(options.schedule.seed);
  Score last;
  for (uint64_t round = 0; round < options.schedule.rounds; ++round) {
    meter->StartRound({options.run, round});
    const absl::StatusOr<Score> score = RunRound(round, options, standardisation, meter, board, &network);
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
