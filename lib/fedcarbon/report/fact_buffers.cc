#include "fedcarbon/report/fact_buffers.h"

#include <atomic>
#include <utility>

namespace fedcarbon {
namespace {

size_t ShardOfThread() {
  static std::atomic<size_t> threads{0};
  static thread_local const size_t shard =
      threads.fetch_add(1, std::memory_order_relaxed) % FactBuffers::kShards;
  return shard;
}

}  // namespace

void FactBuffers::Record(Fact&& fact) {
  Shard& shard = shards_[ShardOfThread()];
  bool is_filling = false;
  {
    MutexLock lock(&shard.mutex);
    if (shard.facts.size() == kFactsPerShard) {
      ++shard.lost;
      return;
    }
    shard.facts.push_back(std::move(fact));
    is_filling = shard.facts.size() == kFactsPerShard / 4;
  }
  if (is_filling) wake_();
}

uint64_t FactBuffers::Drain(const std::function<void(const Fact&)>& take) {
  uint64_t lost = 0;
  for (Shard& shard : shards_) {
    {
      MutexLock lock(&shard.mutex);
      drained_.swap(shard.facts);
      lost += std::exchange(shard.lost, 0);
    }
    for (const Fact& fact : drained_) take(fact);
    drained_.clear();
  }
  return lost;
}

}  // namespace fedcarbon
