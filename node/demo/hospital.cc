#include "node/demo/hospital.h"

#include <utility>

#include "absl/status/status.h"
#include "fedcarbon/status/status.h"
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
  ASSIGN_OR_RETURN(Network network, NetworkFrom(model));
  ASSIGN_OR_RETURN(const Standardisation standardisation, StandardisationFrom(model));
  Apply(standardisation, &patients);
  return Prepared{std::move(network), std::move(patients)};
}

fedcarbon::v1::SpanKind KindOf(const v1::Task& task) {
  if (task.has_train()) return fedcarbon::v1::SPAN_KIND_TRAIN;
  return task.has_evaluate() ? fedcarbon::v1::SPAN_KIND_EVALUATE : fedcarbon::v1::SPAN_KIND_OTHER;
}

absl::Status Train(const v1::Task& task, Patients training, v1::Update* update) {
  ASSIGN_OR_RETURN(Prepared prepared, Prepare(task.train().model(), std::move(training)));
  auto& [network, patients] = prepared;
  TrainEpoch(patients, task.train().learning_rate(), task.seed(), task.round(), &network);
  update->mutable_parameters()->Assign(network.parameters().begin(), network.parameters().end());
  update->set_rows(patients.size());
  return absl::OkStatus();
}

absl::Status Evaluate(const v1::Task& task, Patients held_out, v1::Score* message) {
  ASSIGN_OR_RETURN(Prepared prepared, Prepare(task.evaluate().model(), std::move(held_out)));
  const Score score = demo::Evaluate(prepared.patients, &prepared.network);
  message->set_correct(score.correct);
  message->set_rows(score.rows);
  return absl::OkStatus();
}

}  // namespace

Hospital::Hospital(std::string name, Patients patients, std::shared_ptr<Meter> meter)
    : name_(std::move(name)), patients_(std::move(patients)), meter_(std::move(meter)) {}

absl::StatusOr<v1::Result> Hospital::Do(const v1::Task& task) const {
  ComputeSpan span(meter_, KindOf(task));
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
  if (done.ok()) return result;
  span.End(fedcarbon::v1::OUTCOME_FAILED);
  return done;
}

}  // namespace fedcarbon::demo
