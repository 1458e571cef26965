#include "fedcarbon/meter/open_calls.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "fedcarbon/meter/call_observer.h"

namespace fedcarbon {

OpenCalls::Shard& OpenCalls::ShardOf(const CallObserver& call) {
  return shards_[call.call_id() % shards_.size()];
}

void OpenCalls::Count(Shard& shard, const RoundId& round, int64_t change) {
  ServerRound& count = shard.server_rounds[round];
  count.open += change;
  count.last_slice = slice_.load(std::memory_order_relaxed);
  shard.serves.store(true, std::memory_order_relaxed);
}

void OpenCalls::Add(CallObserver* call, const RoundId& round) {
  Shard& shard = ShardOf(*call);
  MutexLock lock(&shard.mutex);
  call->place_ = shard.calls.size();
  shard.calls.push_back(call);
  if (call->end() == v1::END_SERVER) Count(shard, round, 1);
}

void OpenCalls::Remove(CallObserver* call, const RoundId& round) {
  Shard& shard = ShardOf(*call);
  MutexLock lock(&shard.mutex);
  CallObserver* const last = shard.calls.back();
  shard.calls[call->place_] = last;
  last->place_ = call->place_;
  shard.calls.pop_back();
  if (call->end() == v1::END_SERVER) Count(shard, round, -1);
}

void OpenCalls::MoveRound(const CallObserver& call, const RoundId& from, const RoundId& to) {
  Shard& shard = ShardOf(call);
  MutexLock lock(&shard.mutex);
  Count(shard, from, -1);
  Count(shard, to, 1);
}

std::vector<Transfer> OpenCalls::CloseDueParts(absl::Duration now) {
  std::vector<Transfer> closed;
  for (Shard& shard : shards_) {
    MutexLock lock(&shard.mutex);
    for (CallObserver* call : shard.calls) call->CloseDuePart(now, &closed);
  }
  return closed;
}

OpenCalls::Served OpenCalls::EndSlice() {
  const uint64_t slice = slice_.fetch_add(1, std::memory_order_relaxed);
  Served served;
  for (Shard& shard : shards_) {
    if (!shard.serves.load(std::memory_order_relaxed)) continue;
    MutexLock lock(&shard.mutex);
    for (auto it = shard.server_rounds.begin(); it != shard.server_rounds.end();) {
      const auto& [round, count] = *it;
      if (count.open > 0 || count.last_slice >= slice) {
        served.any = true;
        if (!round.run.empty()) served.rounds.push_back(round);
      }
      if (count.open == 0) {
        shard.server_rounds.erase(it++);
      } else {
        ++it;
      }
    }
    shard.serves.store(!shard.server_rounds.empty(), std::memory_order_relaxed);
  }
  std::sort(served.rounds.begin(), served.rounds.end());
  served.rounds.erase(std::unique(served.rounds.begin(), served.rounds.end()), served.rounds.end());
  return served;
}

}  // namespace fedcarbon
