// What a hospital does with its patients' rows; they never leave it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "node/demo/demo.pb.h"
#include "node/demo/heart_disease.h"

namespace fedcarbon::demo {

class Hospital {
 public:
  Hospital(std::string name, Patients patients);

  /// Does the task and returns its result. INVALID_ARGUMENT for a task that it does not understand.
  absl::StatusOr<v1::Result> Do(const v1::Task& task) const;

 private:
  const std::string name_;
  const Patients patients_;
};

}  // namespace fedcarbon::demo
