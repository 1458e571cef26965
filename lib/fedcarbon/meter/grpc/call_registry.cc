#include "fedcarbon/meter/grpc/call_registry.h"

#include <utility>

#include "absl/hash/hash.h"

namespace fedcarbon {

CallRegistry& CallRegistry::Get() {
  static CallRegistry* const registry = new CallRegistry;
  return *registry;
}

CallRegistry::Shard& CallRegistry::ShardOf(const void* context) {
  return shards_[absl::Hash<const void*>()(context) % shards_.size()];
}

void CallRegistry::Add(const void* context, std::shared_ptr<CallObserver> call) {
  Shard& shard = ShardOf(context);
  MutexLock lock(&shard.mutex);
  shard.calls[context].swap(call);
}

void CallRegistry::Remove(const void* context, const CallObserver* call) {
  Shard& shard = ShardOf(context);
  MutexLock lock(&shard.mutex);
  const auto it = shard.calls.find(context);
  if (it != shard.calls.end() && it->second.get() == call) shard.calls.erase(it);
}

std::shared_ptr<CallObserver> CallRegistry::Find(const void* context) {
  Shard& shard = ShardOf(context);
  MutexLock lock(&shard.mutex);
  const auto it = shard.calls.find(context);
  return it == shard.calls.end() ? nullptr : it->second;
}

}  // namespace fedcarbon
