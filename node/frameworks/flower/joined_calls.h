// What Flower's calls have in common: which instruction a node works on, which round that belongs to, and
// which objects moved before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/time/time.h"
#include "fedcarbon/lru/lru.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"
#include "node/frameworks/flower/fleet_messages.h"

namespace fedcarbon::node::flower {

/// What a call is booked to.
struct Entry {
  RoundId round;        // the run at least; nothing: unknown
  uint64_t key = 0;     // of the Binding that will name the round; 0: none will
  std::string message;  // the id of the instruction; empty: unknown
};

/// A round that was found for what is booked under a key.
struct FoundRound {
  Entry entry;
  bool is_new = false;  // a Binding is due
};

/// Thread-safe. Remembers a bounded number of everything, and forgets what was used longest ago: its bytes
/// are then *unattributed*. What has no id, or comes from a node without one, is joined to nothing.
class JoinedCalls {
 public:
  static constexpr size_t kInstructions = 4'096;
  static constexpr size_t kNodes = 1'024;
  static constexpr size_t kObjects = 65'536;

  /// The node asks for a message: it is done with the last one, or has given it up.
  void EndInstruction(uint64_t node);

  /// A message for `node` has come. `key`: for what is booked to it; a message that came before keeps its
  /// own, unless it names another round now.
  Entry BeginInstruction(uint64_t node, const FleetMessage& message, uint64_t key);

  /// Of an object that `node` pulls: the message that it works on. An object that named a round before names
  /// it again.
  FoundRound OfPulledObject(const FleetMessage& request);

  /// An object that was pulled for `entry` names `round`.
  FoundRound NameRound(const FleetMessage& request, const Entry& entry, uint64_t round);

  /// Of a confirmation that the node has the whole message.
  Entry OfConfirm(const FleetMessage& request);

  /// The node has the whole message since monotonic time `now`.
  void Confirm(uint64_t node, uint64_t run, const std::string& message, absl::Duration now);

  /// Of a reply. Several at once are of no round: they may be of different ones.
  Entry OfReply(const FleetMessage& request);

  /// The reply is here: how long the node has computed at most. Nothing: it is not known when it began.
  std::optional<absl::Duration> Computed(const FleetMessage& request, absl::Duration now);

  /// The objects of this reply come under `session`.
  void BeginSession(const FleetMessage& request, const std::string& session);
  Entry OfPushedObject(const FleetMessage& request);

  enum class MoveKind { kObjectDown, kObjectUp, kReply };

  /// Node, run, kind, and the id of what moves.
  using Move = std::tuple<uint64_t, uint64_t, MoveKind, std::string>;

  /// It begins: UNSPECIFIED for the first time, RETRY if it did not arrive before, else REPEATED.
  v1::Waste BeginMove(const Move& move);
  void EndMove(const Move& move, bool has_arrived);

  /// There was nothing to move yet: all is as it was before BeginMove, which said `waste`.
  void UndoMove(const Move& move, v1::Waste waste);

 private:
  using MessageKey = std::pair<uint64_t, std::string>;  // run, message id or object id, never empty

  struct Instruction {
    Entry entry;
    std::optional<absl::Duration> confirmed;  // monotonic
  };

  Instruction* Current(const FleetMessage& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static Entry EntryOf(const Instruction* instruction, uint64_t run);
  static FoundRound Name(Instruction* instruction, uint64_t round);

  Mutex mutex_;
  Lru<MessageKey, Instruction> instructions_ ABSL_GUARDED_BY(mutex_){kInstructions};
  Lru<uint64_t, MessageKey> current_ ABSL_GUARDED_BY(mutex_){kNodes};   // by node
  Lru<uint64_t, MessageKey> replying_ ABSL_GUARDED_BY(mutex_){kNodes};  // by node, its last reply
  Lru<std::string, MessageKey> sessions_ ABSL_GUARDED_BY(mutex_){kInstructions};
  Lru<MessageKey, uint64_t> rounds_ ABSL_GUARDED_BY(mutex_){kInstructions};  // by run and object
  Lru<uint64_t, bool> begun_ ABSL_GUARDED_BY(mutex_){
      kInstructions};                                             // runs whose messages have named a round
  Lru<Move, v1::Waste> moves_ ABSL_GUARDED_BY(mutex_){kObjects};  // what the next one of it is
};

/// "flower:" and the number.
std::string RunName(uint64_t run);

}  // namespace fedcarbon::node::flower
