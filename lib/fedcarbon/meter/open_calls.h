// The calls that go on: for the sweep that closes due parts, and for booking CPU time that no span claims.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

class CallObserver;

/// Thread-safe. Sharded by call id, so that calls on different threads seldom meet at a lock. A shard's lock
/// is taken before a call's own, never after. Does not own the calls: they add and remove themselves.
class OpenCalls {
 public:
  void Add(CallObserver* call, const RoundId& round);

  /// `round`: the one that the call ended in.
  void Remove(CallObserver* call, const RoundId& round);

  /// The round of a served call that is here went from one to another.
  void MoveRound(const CallObserver& call, const RoundId& from, const RoundId& to);

  /// Closes the parts that are due at monotonic time `now`.
  std::vector<Transfer> CloseDueParts(absl::Duration now);

  /// Whether this process served calls (was their server end) at any moment of a slice of time, and the
  /// different rounds that they named.
  struct Served {
    bool any = false;
    std::vector<RoundId> rounds;
  };

  /// Ends the slice of time that began with the last call of this or of SkipSlice.
  Served EndSlice();
  void SkipSlice() { slice_.fetch_add(1, std::memory_order_relaxed); }

 private:
  struct ServerRound {
    int64_t open = 0;  // below 0 for a moment, when threads that change one call's round overtake each other
    uint64_t last_slice = 0;  // in which a call of this round was open
  };
  struct alignas(64) Shard {
    Mutex mutex;
    std::vector<CallObserver*> calls ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<RoundId, ServerRound> server_rounds ABSL_GUARDED_BY(mutex);
    std::atomic<bool> serves{false};  // whether server_rounds holds anything
  };

  Shard& ShardOf(const CallObserver& call);
  void Count(Shard& shard, const RoundId& round, int64_t change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  std::array<Shard, 16> shards_;
  std::atomic<uint64_t> slice_{1};
};

}  // namespace fedcarbon
