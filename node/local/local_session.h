// One script's session: what it begins and ends, checked, and told to the Meter as facts.
// proto/fedcarbon/v1/README.md has the rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/v1/local.pb.h"
#include "node/local/open_rounds.h"

namespace fedcarbon::node {

/// Used by one thread at a time. Whoever destroys it calls End() first.
class LocalSession {
 public:
  static constexpr size_t kMaxSpans = 16;     // open at once
  static constexpr size_t kMaxRunName = 256;  // bytes
  static constexpr uint64_t kMaxCpuMicros = (uint64_t{1} << 53) - 1;

  /// `rounds` must outlive this.
  LocalSession(std::shared_ptr<Meter> meter, OpenRounds* rounds)
      : meter_(std::move(meter)), rounds_(rounds) {}
  LocalSession(const LocalSession&) = delete;
  LocalSession& operator=(const LocalSession&) = delete;

  /// An event that cannot be, refused with INVALID_ARGUMENT or RESOURCE_EXHAUSTED that names what is
  /// wrong and the remedy, changes nothing.
  absl::Status Take(const v1::LocalEvent& event);

  /// Ends all that is open, the innermost first. Later calls find nothing open.
  void End(v1::Outcome outcome);

 private:
  struct Begun {
    v1::SpanKind kind;
    RoundId round;
    absl::Time start;
    absl::Duration began;  // monotonic
  };

  // What the script said of its processor time, and when.
  struct Reading {
    uint64_t cpu_us;
    absl::Time time;
    absl::Duration monotonic;
  };

  absl::Status Begin(const v1::BeginRun& event);
  absl::Status Begin(const v1::BeginRound& event);
  absl::Status Begin(const v1::BeginSpan& event);
  absl::Status End(const v1::EndRun& event);
  absl::Status End(const v1::EndRound& event);
  absl::Status End(const v1::EndSpan& event);

  absl::Status CheckReading(std::optional<uint64_t> cpu_us) const;
  void BookCpu(std::optional<uint64_t> cpu_us);
  void EndSpan(v1::Outcome outcome);
  void EndRound(v1::Outcome outcome);
  void EndRun(v1::Outcome outcome);

  const std::shared_ptr<Meter> meter_;
  OpenRounds* const rounds_;
  RoundId open_;  // the run and round that the script is in
  bool opens_ = false;
  std::vector<Begun> spans_;        // the innermost last
  std::optional<Reading> reading_;  // of the latest span event, if that had one
};

}  // namespace fedcarbon::node
