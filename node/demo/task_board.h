// Where the aggregator pins up what is to be done and the hospitals hand in what came of it: the barrier of a
// synchronous round.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/sync/mutex.h"
#include "node/demo/demo.pb.h"

namespace fedcarbon::demo {

/// One task at a time, the same for all hospitals. Thread-safe: one thread posts and collects, others fetch
/// and deliver on behalf of the hospitals. A waiting thread costs nothing.
class TaskBoard {
 public:
  explicit TaskBoard(std::vector<std::string> hospitals);

  /// Pins up a task in place of the last one, and gives it the next step's number.
  void Post(v1::Task task);

  /// Waits until every hospital has delivered: their results, in the order of their names. CANCELLED once
  /// stopped.
  absl::StatusOr<std::vector<v1::Result>> Collect();

  /// Waits until every hospital has fetched the current task, at most for `timeout`. False if one has not.
  bool WaitUntilFetched(absl::Duration timeout);

  /// Waits until there is a task whose result the hospital has not delivered, and returns it. CANCELLED once
  /// stopped, PERMISSION_DENIED for an unknown hospital.
  absl::StatusOr<v1::Task> Fetch(const std::string& hospital);

  /// Takes a result. A second one, or one for a step that is over, is ignored. INVALID_ARGUMENT if it is not
  /// what the task asked for, PERMISSION_DENIED for an unknown hospital.
  absl::Status Deliver(v1::Result result);

  /// Wakes all who wait, for good.
  void Stop();

 private:
  absl::Status CheckHospital(const std::string& hospital) const;

  const std::set<std::string> hospitals_;
  Mutex mutex_;
  CondVar changed_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  v1::Task task_ ABSL_GUARDED_BY(mutex_);  // step 0: none yet
  std::set<std::string> fetched_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Result> results_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::demo
