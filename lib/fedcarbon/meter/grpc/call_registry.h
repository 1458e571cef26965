// Finds the metered call that belongs to a gRPC context, for SetRound.
#pragma once

#include <array>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

/// Thread-safe; a lock is shared only by the calls of one of 64 shards. Contexts are borrowed as keys and
/// never looked into.
class CallRegistry {
 public:
  /// Of the process; lives for ever.
  static CallRegistry& Get();

  void Add(const void* context, std::shared_ptr<CallObserver> call);

  /// Forgets `context` if it still belongs to `call`: contexts are reused at their address, and an
  /// interceptor may die after the next call of its context began.
  void Remove(const void* context, const CallObserver* call);

  /// Null if the context's call is not metered or has gone.
  std::shared_ptr<CallObserver> Find(const void* context);

 private:
  struct alignas(64) Shard {
    Mutex mutex;
    absl::flat_hash_map<const void*, std::shared_ptr<CallObserver>> calls ABSL_GUARDED_BY(mutex);
  };

  Shard& ShardOf(const void* context);

  std::array<Shard, 64> shards_;
};

}  // namespace fedcarbon
