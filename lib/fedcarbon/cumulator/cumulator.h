// CUMULATOR's stopwatch and traffic counter (EPFL, 2020; versions 0.0.7 and 0.1.0), with its formulas to the
// digit:
//
//   computation   = cumulated_time [s] * n_gpu * hardware_load [kWh/s] * carbon_intensity [g/kWh]
//   communication = one_byte_model [kWh/kB] * cumulated_data_traffic [kB] * carbon_intensity
//
// ```cpp
// #include <iostream>
//
// double Train(int epochs);  // the program's own
//
// absl::Status Measure() {
//   Cumulator cumulator;
//   const absl::StatusOr<double> accuracy = cumulator.Run(Train, 20);
//   if (!accuracy.ok()) return accuracy.status();
//   if (absl::Status status = cumulator.DataTransferred(Bytes(1'000'000)); !status.ok()) return status;
//   std::cout << cumulator.DisplayCarbonFootprint();
//   return absl::OkStatus();
// }
// ```
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/carbon/cumulator_model.h"
#include "fedcarbon/carbon/network.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "fedcarbon/units/units.h"

namespace fedcarbon {

/// Thread-safe. Each thread has a stopwatch of its own, and their intervals add up. Time is monotonic. Where
/// it departs from CUMULATOR: misuse of the stopwatch is FAILED_PRECONDITION and changes nothing; a bad
/// number is INVALID_ARGUMENT and changes nothing; a constant holds from when it is set and does not reprice
/// the past.
class Cumulator {
 public:
  /// `clock` must outlive this.
  explicit Cumulator(const Clock* clock = Clock::System()) : clock_(clock) {}

  /// Starts this thread's stopwatch. An error if it runs already.
  absl::Status On() ABSL_LOCKS_EXCLUDED(mutex_);

  /// Stops this thread's stopwatch and counts the interval. An error if it does not run.
  absl::Status Off() ABSL_LOCKS_EXCLUDED(mutex_);

  /// Calls `function(args...)` between On and Off: its result, or the error of On, and then it is not called.
  /// An exception passes through, after its interval was counted. absl::Status if the function returns
  /// nothing.
  template <typename Function, typename... Args>
  auto Run(Function&& function, Args&&... args);

  /// Counts a file, in kB of 1,000 B as CUMULATOR does, or typed. An error if it is negative, NaN or
  /// infinite.
  absl::Status DataTransferred(double kilobytes) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status DataTransferred(Bytes size) { return DataTransferred(size.kilobytes()); }

  Grams ComputationCosts() const ABSL_LOCKS_EXCLUDED(mutex_);
  Grams CommunicationCosts() const ABSL_LOCKS_EXCLUDED(mutex_);
  Grams TotalCarbonFootprint() const ABSL_LOCKS_EXCLUDED(mutex_);

  /// CumulatorText of the costs so far.
  std::string DisplayCarbonFootprint() const ABSL_LOCKS_EXCLUDED(mutex_);

  /// Seconds and kB, in the order in which they were counted, and their sums from left to right.
  std::vector<double> time_list() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<double> file_size_list() const ABSL_LOCKS_EXCLUDED(mutex_);
  double cumulated_time() const ABSL_LOCKS_EXCLUDED(mutex_);
  double cumulated_data_traffic() const ABSL_LOCKS_EXCLUDED(mutex_);

  /// kWh per second of one processor; 250 W by default.
  double hardware_load() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status set_hardware_load(double kilowatt_hours_per_second) ABSL_LOCKS_EXCLUDED(mutex_);
  /// kWh per kB; 6.894e-8 by default.
  double one_byte_model() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status set_one_byte_model(double kilowatt_hours_per_kilobyte) ABSL_LOCKS_EXCLUDED(mutex_);
  /// g/kWh; 447 by default.
  double carbon_intensity() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status set_carbon_intensity(double grams_per_kilowatt_hour) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Processors; 1 by default.
  double n_gpu() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status set_n_gpu(double count) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Constants {
    double hardware_load = (kCumulatorWatts * absl::Seconds(1)).kilowatt_hours();
    double one_byte_model = kCumulatorKilowattHoursPerKilobyte;
    double carbon_intensity = kCumulatorIntensity.grams_per_kilowatt_hour();
    double n_gpu = 1;
  };
  // What was counted, and what it cost under constants that held before.
  struct Account {
    double sum = 0;              // of all that was counted
    double under_constants = 0;  // of that, under the present constants
    double earlier_grams = 0;    // cost of the rest
    std::vector<double> list;
    void Add(double amount);
  };

  double ComputationGrams() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  double CommunicationGrams() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Set(const char* name, double Constants::*constant, double value) ABSL_LOCKS_EXCLUDED(mutex_);
  double Get(double Constants::*constant) const ABSL_LOCKS_EXCLUDED(mutex_);

  const Clock* const clock_;
  mutable Mutex mutex_;
  Constants constants_ ABSL_GUARDED_BY(mutex_);
  Account time_ ABSL_GUARDED_BY(mutex_);
  Account traffic_ ABSL_GUARDED_BY(mutex_);
  std::map<std::thread::id, absl::Duration> running_ ABSL_GUARDED_BY(mutex_);  // since when
};

template <typename Function, typename... Args>
auto Cumulator::Run(Function&& function, Args&&... args) {
  using Result = std::invoke_result_t<Function, Args...>;
  using Outcome =
      std::conditional_t<std::is_void_v<Result>, absl::Status, absl::StatusOr<std::decay_t<Result>>>;
  if (absl::Status on = On(); !on.ok()) return Outcome(std::move(on));
  struct OffAtEnd {
    Cumulator* cumulator;
    ~OffAtEnd() { cumulator->Off().IgnoreError(); }  // fails only if the function turned it off itself
  } off{this};
  if constexpr (std::is_void_v<Result>) {
    std::invoke(std::forward<Function>(function), std::forward<Args>(args)...);
    return Outcome();
  } else {
    return Outcome(std::invoke(std::forward<Function>(function), std::forward<Args>(args)...));
  }
}

}  // namespace fedcarbon
