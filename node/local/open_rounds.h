// The rounds that scripts at this node have open: what traffic belongs to that says nothing about itself.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/container/btree_map.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon::node {

/// Thread-safe. The proxy asks Current() for each call, which takes no lock while nothing is open, and
/// changes() for each message, which never takes one.
class OpenRounds {
 public:
  /// A script is in this run, or in this round of it; until it leaves. Both are counted: scripts may share
  /// one.
  void Enter(const RoundId& round);
  void Leave(const RoundId& round);

  /// The one round that is open; of several in one run, that run alone; of several runs, nothing.
  RoundId Current() const;

  /// A number that changes whenever Current() may have: to be read before that.
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

 private:
  void Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  absl::btree_map<RoundId, int> open_ ABSL_GUARDED_BY(mutex_);
  RoundId current_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> is_known_{false};  // whether current_ says anything
  std::atomic<uint64_t> changes_{0};
};

}  // namespace fedcarbon::node
