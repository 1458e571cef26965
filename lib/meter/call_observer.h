// One call as one of its two ends sees it. The gRPC interceptors feed it inside C++ programs, the proxy for
// every program that cannot be recompiled; nothing behind it knows which.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

class MeterCore;

/// What is known when a call begins.
struct CallStart {
  uint64_t call_id = 0;  // 0: the observer draws its own
  v1::End end = v1::END_UNSPECIFIED;
  v1::Observer observer = v1::OBSERVER_UNSPECIFIED;
  uint32_t attempt = 0;
  std::string peer;  // empty: unknown
  std::string method;
  RoundId round;  // empty: unknown
};

enum class Direction { kSent, kReceived };

/// One message by layer; a layer that the observer cannot see is absent.
struct MessageSize {
  std::optional<Bytes> message;
  std::optional<Bytes> encoded;
  v1::CountKind kind = v1::COUNT_KIND_UNSPECIFIED;  // of `message`
};

/// Turns what it hears of a call into Transfer facts: one at the end, and before that one part whenever the
/// round changes or the part interval has passed since bytes began to move. While the round is unknown, parts
/// carry a binding key, and a Binding follows once SetRound names the round of the whole call.
///
/// Thread-safe: the hooks of one call arrive on several threads at once. Never fails. After End() everything
/// is ignored. Destroyed without End(), it records what was seen as a call that was cut (status CANCELLED).
class CallObserver {
 public:
  CallObserver(std::shared_ptr<MeterCore> core, CallStart start);
  ~CallObserver();
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;

  /// A message went out or came in. `round`: what the sender's RoundScope names at this moment; a change
  /// closes a part.
  void OnMessage(Direction direction, const MessageSize& size, const RoundId& round = {});

  /// Header or trailer bytes of one direction.
  void OnHeaders(Direction direction, Bytes bytes);

  /// The call's round from here on. What was seen before, in the current part and without a round, is booked
  /// to it too.
  void SetRound(const RoundId& round);

  /// The other node, learned from its metadata or certificate.
  void SetPeer(const std::string& peer);

  /// The peer has shown that it is there (metadata, status): what this call carried is confirmed.
  void SetAnswered();

  /// The call is over. `status` is a gRPC status code. An OK call is answered.
  void End(int status);

  /// Closes the current part if it is due at monotonic time `now`; called by the Meter's sampling thread.
  void CloseDuePart(absl::Duration now);

  uint64_t call_id() const { return call_id_; }

  /// The round of the whole call; nothing if it is unknown or changed while the call went on.
  RoundId WholeCallRound() const;

 private:
  const std::shared_ptr<MeterCore> core_;
  const uint64_t call_id_;
  // The implementer completes the state: one Mutex per call, uncontended but for streams.
};

}  // namespace fedcarbon
