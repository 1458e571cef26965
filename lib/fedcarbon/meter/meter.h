// Metering of one process: where transfers, spans and usage come together and become facts.
//
// ```cpp
// void Train();  // the program's own
//
// absl::Status MeterARound(const MeterOptions& options, std::shared_ptr<FactSink> sink) {
//   const absl::StatusOr<std::shared_ptr<Meter>> meter = Meter::Create(options, std::move(sink));
//   if (!meter.ok()) return meter.status();
//   const std::string run = (*meter)->StartRun("heart disease", 15);  // one process, usually the aggregator
//   const RoundScope scope({run, 3});                                 // all that happens here is of round 3
//   const ComputeSpan span(*meter, v1::SPAN_KIND_TRAIN);
//   Train();
//   return absl::OkStatus();
// }
// ```
//
// RPCs are metered by the interceptors of lib/fedcarbon/meter/grpc, which feed a CallObserver. A program that
// reports to a coordinator uses fedcarbon::MeteringService (lib/fedcarbon/report/grpc/metering_service.h),
// which puts a Meter and a Reporter together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/cpu_clock.h"
#include "fedcarbon/meter/fact_sink.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/clock.h"

namespace fedcarbon {

class CallObserver;
struct CallStart;
class FactRecorder;
struct OpenSpan;

struct MeterOptions {
  /// The node's name: a lower-case DNS name of at most 253 characters. Required.
  std::string node;

  /// What the coordinator needs for pricing: country, link, PUE, processor. Fields left empty stay unknown.
  v1::Node description;

  /// How often usage is sampled and long calls are looked at. At least 10 ms.
  absl::Duration sample_interval = absl::Seconds(1);

  /// A long call is reported in parts, the latest after this much time in which bytes moved. Above zero.
  absl::Duration part_interval = absl::Seconds(10);
};

/// Meters one process. Thread-safe. Owns a sampling thread; the destructor stops it and records what is left.
/// Calls and spans may outlive the Meter: they share ownership of what they record into.
class Meter {
 public:
  /// Fails with INVALID_ARGUMENT for a name that is no DNS name, a country that is no ISO
  /// 3166-1 alpha-3 code, a PUE outside 1 to 10 or an interval out of range. Records the description as the
  /// first fact. The clocks must outlive everything.
  static absl::StatusOr<std::shared_ptr<Meter>> Create(MeterOptions options, std::shared_ptr<FactSink> sink,
                                                       const Clock* clock = Clock::System(),
                                                       const CpuClock* cpu = CpuClock::System());

  /// A Meter that records nothing and costs nearly nothing: what FEDCARBON_DISABLED=1 gives.
  static std::shared_ptr<Meter> Disabled();

  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  /// Opens a run under a new random id and returns that id. `name` is for people; 0 planned rounds: unknown.
  std::string StartRun(const std::string& name, uint64_t planned_rounds);
  void EndRun(const std::string& run, v1::Outcome outcome);

  /// Notes when a round began and ended. Attribution does not need it: RoundScope and SetRound do that.
  void StartRound(const RoundId& round);
  void EndRound(const RoundId& round, v1::Outcome outcome);

  /// Begins to observe a call (see call_observer.h). Never null. A client's call without a round gets that of
  /// the calling thread's RoundScope.
  std::shared_ptr<CallObserver> StartCall(CallStart start);

  /// Samples usage and closes due parts now, as the sampling thread does by itself: for tests with a manual
  /// clock.
  void Sample();

  const std::string& node() const;

  /// Whether anything is recorded: not when disabled, nor in a child of fork().
  bool enabled() const;

  /// For what feeds the meter: counters of fedcarbon's own bytes and of what could not be read.
  const std::shared_ptr<FactRecorder>& recorder() const { return recorder_; }

 private:
  explicit Meter(std::shared_ptr<FactRecorder> recorder);

  std::shared_ptr<FactRecorder> recorder_;
};

/// Names the run and round of all that the thread does while it lives: calls begun, messages sent, spans
/// opened. Scopes nest; the innermost counts. To hand one on, pass Current() to the other thread and open a
/// scope there.
///
/// Belongs to the thread that made it, and is destroyed there in reverse order.
class RoundScope {
 public:
  explicit RoundScope(RoundId round);
  ~RoundScope();
  RoundScope(const RoundScope&) = delete;
  RoundScope& operator=(const RoundScope&) = delete;

  /// Of the calling thread; nothing known outside any scope.
  static const RoundId& Current();

 private:
  RoundId round_;
  const RoundId* outer_;
};

/// An interval of compute: from construction to End() or destruction. Booked to the RoundScope it was opened
/// in. While it is open and has no open child on its thread, it takes an equal share of the process's CPU
/// time (README.md beside this file, "Spans and usage").
///
/// An exception that leaves the scope ends it as failed. May end on another thread than it began. An
/// unspecified kind is OTHER.
class ComputeSpan {
 public:
  ComputeSpan(const std::shared_ptr<Meter>& meter, v1::SpanKind kind);
  ~ComputeSpan();
  ComputeSpan(const ComputeSpan&) = delete;
  ComputeSpan& operator=(const ComputeSpan&) = delete;

  /// Ends it now; later calls do nothing.
  void End(v1::Outcome outcome = v1::OUTCOME_COMPLETED);

 private:
  std::shared_ptr<FactRecorder> recorder_;
  std::unique_ptr<OpenSpan> span_;  // null once it has ended
  int uncaught_exceptions_;
};

}  // namespace fedcarbon
