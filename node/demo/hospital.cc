#include "node/demo/hospital.h"

#include <utility>

#include "absl/status/status.h"
#include "node/demo/messages.h"
#include "node/demo/training.h"

namespace fedcarbon::demo {
namespace {

struct Prepared {
  Network network;
  Patients patients;
};

/// The model of a task, and the patients as it wants to see them.
absl::StatusOr<Prepared> Prepare(const v1::Model& model, Patients patients) {
  absl::StatusOr<Network> network = NetworkFrom(model);
  if (!network.ok()) return network.status();
  const absl::StatusOr<Standardisation> standardisation = StandardisationFrom(model);
  if (!standardisation.ok()) return standardisation.status();
  Apply(*standardisation, &patients);
  return Prepared{*std::move(network), std::move(patients)};
}

absl::Status Train(const v1::Task& task, Patients training, v1::Update* update) {
  absl::StatusOr<Prepared> prepared = Prepare(task.train().model(), std::move(training));
  if (!prepared.ok()) return prepared.status();
  auto& [network, patients] = *prepared;
  TrainEpoch(patients, task.train().learning_rate(), task.seed(), task.round(), &network);
  update->mutable_parameters()->Assign(network.parameters().begin(), network.parameters().end());
  update->set_rows(patients.size());
  return absl::OkStatus();
}

absl::Status Evaluate(const v1::Task& task, Patients held_out, v1::Score* message) {
  absl::StatusOr<Prepared> prepared = Prepare(task.evaluate().model(), std::move(held_out));
  if (!prepared.ok()) return prepared.status();
  const Score score = demo::Evaluate(prepared->patients, &prepared->network);
  message->set_correct(score.correct);
  message->set_rows(score.rows);
  return absl::OkStatus();
}

}  // namespace

Hospital::Hospital(std::string name, Patients patients)
    : name_(std::move(name)), patients_(std::move(patients)) {}

absl::StatusOr<v1::Result> Hospital::Do(const v1::Task& task) const {
  v1::Result result;
  result.set_hospital(name_);
  result.set_step(task.step());
  Split split = SplitPatients(patients_, task.seed());
  absl::Status done;
  switch (task.work_case()) {
    case v1::Task::kSummarise:
      ToMessage(SumFeatures(split.training), result.mutable_sums());
      break;
    case v1::Task::kTrain:
      done = Train(task, std::move(split.training), result.mutable_update());
      break;
    case v1::Task::kEvaluate:
      done = Evaluate(task, std::move(split.held_out), result.mutable_score());
      break;
    default:
      done =
          absl::InvalidArgumentError("the aggregator sent a task of a kind that this hospital does not know");
  }
  if (!done.ok()) return done;
  return result;
}

}  // namespace fedcarbon::demo
