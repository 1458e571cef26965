#include "fedcarbon/cumulator/cumulator.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "fedcarbon/carbon/cumulator_model.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon {
namespace {

absl::Status CheckAmount(absl::string_view name, double value) {
  if (std::isfinite(value) && value >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", value, ": it must be a finite number, at least 0; nothing was changed"));
}

}  // namespace

void Cumulator::Account::Add(double amount) {
  sum += amount;
  under_constants += amount;
  list.push_back(amount);
}

absl::Status Cumulator::On() {
  const absl::Duration now = clock_->Monotonic();
  MutexLock lock(&mutex_);
  if (running_.emplace(std::this_thread::get_id(), now).second) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "Cumulator::On: this thread's stopwatch runs already, and goes on: call Off first");
}

absl::Status Cumulator::Off() {
  const absl::Duration now = clock_->Monotonic();
  MutexLock lock(&mutex_);
  const auto started = running_.find(std::this_thread::get_id());
  if (started == running_.end()) {
    return absl::FailedPreconditionError(
        "Cumulator::Off: this thread's stopwatch does not run, nothing was counted: call On first");
  }
  time_.Add(absl::ToDoubleSeconds(now - started->second));
  running_.erase(started);
  return absl::OkStatus();
}

absl::Status Cumulator::DataTransferred(double kilobytes) {
  RETURN_IF_ERROR(CheckAmount("file size", kilobytes));
  MutexLock lock(&mutex_);
  traffic_.Add(kilobytes);
  return absl::OkStatus();
}

// The order of operations is CUMULATOR's, so that the digits are.
double Cumulator::ComputationGrams() const {
  return time_.earlier_grams +
         time_.under_constants * constants_.n_gpu * constants_.hardware_load * constants_.carbon_intensity;
}

double Cumulator::CommunicationGrams() const {
  return traffic_.earlier_grams +
         constants_.one_byte_model * traffic_.under_constants * constants_.carbon_intensity;
}

Grams Cumulator::ComputationCosts() const {
  MutexLock lock(&mutex_);
  return Grams(ComputationGrams());
}

Grams Cumulator::CommunicationCosts() const {
  MutexLock lock(&mutex_);
  return Grams(CommunicationGrams());
}

Grams Cumulator::TotalCarbonFootprint() const {
  MutexLock lock(&mutex_);
  return Grams(ComputationGrams() + CommunicationGrams());
}

std::string Cumulator::DisplayCarbonFootprint() const {
  MutexLock lock(&mutex_);
  return CumulatorText(Grams(ComputationGrams()), Grams(CommunicationGrams()));
}

std::vector<double> Cumulator::time_list() const {
  MutexLock lock(&mutex_);
  return time_.list;
}

std::vector<double> Cumulator::file_size_list() const {
  MutexLock lock(&mutex_);
  return traffic_.list;
}

double Cumulator::cumulated_time() const {
  MutexLock lock(&mutex_);
  return time_.sum;
}

double Cumulator::cumulated_data_traffic() const {
  MutexLock lock(&mutex_);
  return traffic_.sum;
}

double Cumulator::hardware_load() const { return Get(&Constants::hardware_load); }
double Cumulator::one_byte_model() const { return Get(&Constants::one_byte_model); }
double Cumulator::carbon_intensity() const { return Get(&Constants::carbon_intensity); }
double Cumulator::n_gpu() const { return Get(&Constants::n_gpu); }

absl::Status Cumulator::set_hardware_load(double kilowatt_hours_per_second) {
  return Set("hardware_load", &Constants::hardware_load, kilowatt_hours_per_second);
}
absl::Status Cumulator::set_one_byte_model(double kilowatt_hours_per_kilobyte) {
  return Set("one_byte_model", &Constants::one_byte_model, kilowatt_hours_per_kilobyte);
}
absl::Status Cumulator::set_carbon_intensity(double grams_per_kilowatt_hour) {
  return Set("carbon_intensity", &Constants::carbon_intensity, grams_per_kilowatt_hour);
}
absl::Status Cumulator::set_n_gpu(double count) { return Set("n_gpu", &Constants::n_gpu, count); }

double Cumulator::Get(double Constants::*constant) const {
  MutexLock lock(&mutex_);
  return constants_.*constant;
}

absl::Status Cumulator::Set(const char* name, double Constants::*constant, double value) {
  RETURN_IF_ERROR(CheckAmount(name, value));
  MutexLock lock(&mutex_);
  time_.earlier_grams = ComputationGrams();
  time_.under_constants = 0;
  traffic_.earlier_grams = CommunicationGrams();
  traffic_.under_constants = 0;
  constants_.*constant = value;
  return absl::OkStatus();
}

}  // namespace fedcarbon
