// One call as one of its two ends sees it. The gRPC interceptors feed it inside C++ programs, the proxy for
// every program that cannot be recompiled; nothing behind it knows which.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

class FactRecorder;

/// What is known when a call begins.
struct CallStart {
  uint64_t call_id = 0;  // 0: the observer draws its own
  v1::End end = v1::END_UNSPECIFIED;
  v1::Observer observer = v1::OBSERVER_UNSPECIFIED;
  uint32_t attempt = 0;
  std::string peer;  // empty: unknown; may be a guess that SetPeer() corrects
  std::string method;
  RoundId round;  // empty: unknown
};

enum class Direction { kSent, kReceived };

/// One message, or a piece of one, by layer; a layer that the observer cannot see is absent.
struct MessageSize {
  std::optional<Bytes> message;
  std::optional<Bytes> encoded;
  v1::CountKind kind = v1::COUNT_KIND_UNSPECIFIED;  // of `message`
};

/// Turns what it hears of a call into Transfer facts: one at the end, and before that one part whenever the
/// round changes or the part interval has passed since bytes began to move. A part that closes while the
/// round is unknown carries a binding key, and at the end a Binding names the round if the whole call turns
/// out to have one.
///
/// A part is recorded before the call's end only when it is sure to have reached the peer: something was
/// received, SetAnswered() was called, or flow control let more be sent (a second message, or more of the
/// first when the part was due); and, at a client's end, when the peer is known (CallStart, SetPeer()) or it
/// is settled that nobody will name it (SettlePeer()): the server books its parts to this edge under its own
/// name, and only under the same name is it one edge. Until then parts wait, and the call's end records them
/// with what is known then.
///
/// A layer that one message or piece of a direction lacks is absent for that direction of its part: a sum
/// over some of them would pass for the whole.
///
/// Thread-safe: the hooks of one call arrive on several threads at once. Never fails. After End() everything
/// is ignored. Destroyed without End(), it records what was seen as a call that was cut (status CANCELLED).
class CallObserver {
 public:
  CallObserver(std::shared_ptr<FactRecorder> recorder, CallStart start);
  ~CallObserver();
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;

  /// A message went out or came in: all of it, or what OnBytes() has not told of it. `round`: what the
  /// sender's RoundScope names at this moment; a change closes a part.
  void OnMessage(Direction direction, const MessageSize& size, const RoundId& round = {});

  /// A piece of a message that is still on its way. The OnMessage() that completes it counts the message. An
  /// observer that sees messages in pieces tells them so: what has passed is in the part in which it passed,
  /// and in a call that is cut.
  void OnBytes(Direction direction, const MessageSize& piece);

  /// Header or trailer bytes of one direction. The proxy calls it: gRPC shows interceptors no header bytes.
  void OnHeaders(Direction direction, Bytes bytes);

  /// This end names the call's round from here on. What was seen before, in the current part and without a
  /// round, is booked to it too. At a server, a round that contradicts the request's is ignored for as long
  /// as the call looks unary (nothing sent, at most one message received): the request's counts.
  void SetRound(const RoundId& round);

  /// The other end names it, in its answer: counts only if this end named none.
  void AdoptRound(const RoundId& round);

  /// The call is in `round` from here on, which may be nothing. What was seen before stays where it is.
  void FollowRound(const RoundId& round);

  /// A Binding of this key, which somebody else records, will name the round: what is recorded while the call
  /// has none carries the key. 0: none.
  void SetBinding(uint64_t key);

  /// What follows may belong to another round than what came before, and which one is not known yet: begins
  /// a part, in the same run. `binding`: as for SetBinding(), for this part and those that follow.
  void BeginPart(uint64_t binding);

  /// The other node, learned from its metadata or certificate. Names the current part and those that wait.
  void SetPeer(const std::string& peer);

  /// The peer had its chance to say who it is, before the call's end. SetPeer() may still follow.
  void SettlePeer();

  /// The call does the training no good. Marks the current part and those that wait.
  void SetWaste(v1::Waste waste);

  /// The peer has shown that it is there (metadata, status): what this call carried is confirmed.
  void SetAnswered();

  /// The call is over. `status` is a gRPC status code. An OK call is answered.
  void End(int status);

  /// Closes the current part if it is due at monotonic time `now`, and appends what may be recorded to
  /// `closed`. For the Meter's sampling.
  void CloseDuePart(absl::Duration now, std::vector<Transfer>* closed);

  uint64_t call_id() const { return call_id_; }
  v1::End end() const { return end_; }

  /// The round of the whole call; nothing if it is unknown, changed while the call went on, or after End().
  RoundId WholeCallRound() const;

 private:
  friend class OpenCalls;

  // What the call has carried in one direction.
  struct DirectionState {
    uint64_t messages = 0;   // by the whole call, the one under way included
    bool under_way = false;  // a message has begun and not ended
    bool in_part = false;    // the current part has something of a message
  };

  // What a hook leads to once the call's lock is released.
  struct Effects {
    std::vector<Transfer> closed;
    std::optional<std::pair<RoundId, RoundId>> moved;  // the served call's round: from, to
  };

  void Carry(Direction direction, const MessageSize& size, const RoundId& round, bool ends);
  void NameRound(const RoundId& round, Effects* effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GoTo(const RoundId& round, Effects* effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MoveTo(RoundId to, Effects* effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void BeginMoving(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CloseIfDue(absl::Duration now, std::vector<Transfer>* closed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsDue(absl::Duration now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ClosePart(absl::Duration now, std::vector<Transfer>* closed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  DirectionCounts& Moving(Direction direction, bool in_pieces, std::vector<Transfer>* closed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseIfSure(std::vector<Transfer>* closed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Confirmed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return answered_ || flows_; }
  void Apply(Effects effects);

  const std::shared_ptr<FactRecorder> recorder_;
  const uint64_t call_id_;
  const v1::End end_;
  const bool requested_round_;  // the request that this server end got named one

  size_t place_ = 0;  // among the open calls of its shard; guarded by the shard's lock

  mutable Mutex mutex_;
  Transfer part_ ABSL_GUARDED_BY(mutex_);  // the current one; its round is the call's at this moment
  bool several_rounds_ ABSL_GUARDED_BY(mutex_) = false;                 // the call had another before
  absl::Duration part_began_ ABSL_GUARDED_BY(mutex_);                   // monotonic
  std::optional<absl::Duration> moving_since_ ABSL_GUARDED_BY(mutex_);  // monotonic; none: the part is empty
  std::vector<Transfer> held_ ABSL_GUARDED_BY(mutex_);                  // closed, and the peer is unsure
  DirectionState sent_ ABSL_GUARDED_BY(mutex_);
  DirectionState received_ ABSL_GUARDED_BY(mutex_);
  bool flows_ ABSL_GUARDED_BY(mutex_) = false;  // flow control let more be sent
  bool answered_ ABSL_GUARDED_BY(mutex_) = false;
  bool peer_settled_ ABSL_GUARDED_BY(mutex_);
  uint64_t binding_ ABSL_GUARDED_BY(mutex_) = 0;  // somebody else's
  bool to_bind_ ABSL_GUARDED_BY(mutex_) = false;  // a part was closed without a round or a binding
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace fedcarbon
