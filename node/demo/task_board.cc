#include "node/demo/task_board.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/clock.h"
#include "node/demo/heart_disease.h"

namespace fedcarbon::demo {
namespace {

template <typename Values>
bool AllFinite(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](auto value) { return std::isfinite(value); });
}

/// What is handed in goes into an average: it must be complete and of finite numbers.
bool Answers(const v1::Task& task, const v1::Result& result) {
  switch (task.work_case()) {
    case v1::Task::kSummarise:
      return result.has_sums() && result.sums().sums_size() == kFeatures &&
             result.sums().square_sums_size() == kFeatures && AllFinite(result.sums().sums()) &&
             AllFinite(result.sums().square_sums());
    case v1::Task::kTrain:
      return result.has_update() && result.update().rows() > 0 &&
             result.update().parameters_size() == task.train().model().parameters_size() &&
             AllFinite(result.update().parameters());
    case v1::Task::kEvaluate:
      return result.has_score() && result.score().correct() <= result.score().rows();
    default:
      return false;
  }
}

}  // namespace

TaskBoard::TaskBoard(std::vector<std::string> hospitals) : hospitals_(hospitals.begin(), hospitals.end()) {}

absl::Status TaskBoard::CheckHospital(const std::string& hospital) const {
  if (hospitals_.count(hospital) > 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("\"", hospital, "\" is not of this federation; start the aggregator with --hospital ",
                   hospital, " to admit it"));
}

void TaskBoard::Post(v1::Task task) {
  MutexLock lock(&mutex_);
  task.set_step(task_.step() + 1);
  task_ = std::move(task);
  fetched_.clear();
  results_.clear();
  changed_.NotifyAll();
}

absl::StatusOr<std::vector<v1::Result>> TaskBoard::Collect() {
  MutexLock lock(&mutex_);
  while (!stopped_ && results_.size() < hospitals_.size()) changed_.Wait(&mutex_);
  if (stopped_) return absl::CancelledError("stopped");
  std::vector<v1::Result> results;
  for (auto& [hospital, result] : results_) results.push_back(std::move(result));
  return results;
}

bool TaskBoard::WaitUntilFetched(absl::Duration timeout) {
  const Clock& clock = *Clock::System();
  const absl::Duration deadline = clock.Monotonic() + timeout;
  MutexLock lock(&mutex_);
  while (!stopped_ && fetched_.size() < hospitals_.size()) {
    const absl::Duration left = deadline - clock.Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mutex_, left);
  }
  return !stopped_;
}

absl::StatusOr<v1::Task> TaskBoard::Fetch(const std::string& hospital) {
  RETURN_IF_ERROR(CheckHospital(hospital));
  MutexLock lock(&mutex_);
  while (!stopped_ && (task_.step() == 0 || results_.count(hospital) > 0)) changed_.Wait(&mutex_);
  if (stopped_) return absl::CancelledError("the aggregator is stopping");
  fetched_.insert(hospital);
  changed_.NotifyAll();
  return task_;
}

absl::Status TaskBoard::Deliver(v1::Result result) {
  RETURN_IF_ERROR(CheckHospital(result.hospital()));
  MutexLock lock(&mutex_);
  if (result.step() != task_.step() || results_.count(result.hospital()) > 0) return absl::OkStatus();
  if (!Answers(task_, result)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the result of ", result.hospital(), " for step ", result.step(),
                     " is not what its task asked for, or holds numbers that are not finite"));
  }
  std::string hospital = result.hospital();
  results_.emplace(std::move(hospital), std::move(result));
  changed_.NotifyAll();
  return absl::OkStatus();
}

void TaskBoard::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

}  // namespace fedcarbon::demo
