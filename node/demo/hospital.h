// What a hospital does with its patients' rows; they never leave it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "fedcarbon/meter/meter.h"
#include "node/demo/demo.pb.h"
#include "node/demo/heart_disease.h"

namespace fedcarbon::demo {

class Hospital {
 public:
  Hospital(std::string name, Patients patients, std::shared_ptr<Meter> meter);

  /// Does the task, as a span of the caller's RoundScope, and returns its result. INVALID_ARGUMENT for a task
  /// that it does not understand.
  absl::StatusOr<v1::Result> Do(const v1::Task& task) const;

 private:
  const std::string name_;
  const Patients patients_;
  const std::shared_ptr<Meter> meter_;
};

}  // namespace fedcarbon::demo
