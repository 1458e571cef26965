// Facts as the code handles them before they are sealed: one struct each, the same meaning and names as in
// proto/fedcarbon/v1/facts.proto, where the units and rules stand. Facts never hold grams.
//
// Value types: no invariants beyond their fields, no thread-safety beyond const access.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "fedcarbon/units/units.h"
#include "fedcarbon/v1/facts.pb.h"

namespace fedcarbon {

/// The greatest round: databases know no greater integer, and the coordinator refuses a batch that names one.
inline constexpr uint64_t kMaxRound = INT64_MAX;

/// What something is booked to: a run and a round of it. Either may be unknown; round 0 is a round. A round
/// above kMaxRound leaves this process as unknown.
struct RoundId {
  std::string run;                // empty: unknown
  std::optional<uint64_t> round;  // absent: unknown

  bool known() const { return !run.empty() && round.has_value(); }

  friend bool operator==(const RoundId& a, const RoundId& b) { return a.round == b.round && a.run == b.run; }
  friend bool operator!=(const RoundId& a, const RoundId& b) { return !(a == b); }
  friend bool operator<(const RoundId& a, const RoundId& b) {
    return a.run != b.run ? a.run < b.run : a.round < b.round;
  }
  template <typename H>
  friend H AbslHashValue(H state, const RoundId& id) {
    return H::combine(std::move(state), id.run, id.round);
  }
};

/// One direction of a transfer, by layer. An absent layer was not seen.
struct DirectionCounts {
  uint64_t messages = 0;
  std::optional<Bytes> message_bytes;
  std::optional<Bytes> encoded_bytes;
  std::optional<Bytes> header_bytes;
  v1::CountKind kind = v1::COUNT_KIND_UNSPECIFIED;  // of message_bytes
};

struct Transfer {
  uint64_t call_id = 0;
  v1::End end = v1::END_UNSPECIFIED;
  v1::Observer observer = v1::OBSERVER_UNSPECIFIED;
  uint32_t attempt = 0;
  uint32_t part = 0;
  std::string peer;    // empty: unknown
  std::string method;  // as observed; of what is no IsMethodName a batch says "other"
  RoundId round;
  uint64_t binding = 0;  // 0: none
  absl::Time start;
  absl::Duration duration;
  std::optional<int> status;  // gRPC status code; absent: the call goes on
  bool answered = true;       // false: the peer never answered, the bytes are unconfirmed
  v1::Waste waste = v1::WASTE_UNSPECIFIED;
  DirectionCounts sent;
  DirectionCounts received;
};

struct Span {
  v1::SpanKind kind = v1::SPAN_KIND_OTHER;
  RoundId round;
  absl::Time start;
  absl::Duration wall;
  v1::Outcome outcome = v1::OUTCOME_COMPLETED;
  bool is_upper_bound = false;  // the compute took no longer than `wall`, and perhaps less
};

struct Usage {
  v1::SpanKind kind = v1::SPAN_KIND_OTHER;
  RoundId round;
  absl::Time start;
  absl::Duration wall;
  absl::Duration cpu;
  absl::Duration accelerator;
};

/// A transport connection, or a part of a long one: what its calls cannot know.
struct Connection {
  uint64_t id = 0;
  std::string peer;  // empty: unknown
  v1::End end = v1::END_UNSPECIFIED;
  std::string protocol;  // h2, http/1.1, websocket, ...
  uint32_t part = 0;
  absl::Time start;
  absl::Duration duration;
  Bytes sent;  // transport bytes: frames, headers, TLS
  Bytes received;
  uint32_t handshakes = 0;  // TLS
  Bytes retransmitted;      // sent again, and no part of `sent`
};

struct RunEvent {
  std::string run;
  absl::Time time;
  v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED;  // unspecified: started
  std::string name;
  uint64_t planned_rounds = 0;
};

struct RoundEvent {
  std::string run;
  uint64_t round = 0;
  absl::Time time;
  v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED;  // unspecified: started
};

struct Binding {
  uint64_t key = 0;
  RoundId round;
};

struct ClockReading {
  absl::Time time;
  absl::Duration offset;  // coordinator minus node
  absl::Duration round_trip;
};

struct Gap {
  v1::Gap::Reason reason = v1::Gap::REASON_UNSPECIFIED;
  absl::Time from;
  absl::Time to;
  uint64_t facts = 0;
  Bytes bytes;
  std::string detail;
};

struct Overhead {
  absl::Time start;
  absl::Duration wall;
  Bytes report_sent;
  Bytes report_received;
  Bytes context;
};

/// v1::Node stands for itself: it is a description, not a measurement, and is rare.
using Fact = std::variant<Transfer, Span, Usage, Connection, RunEvent, RoundEvent, v1::Node, Binding,
                          ClockReading, Gap, Overhead>;

}  // namespace fedcarbon
