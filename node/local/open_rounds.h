// The rounds that scripts at this node have open: what traffic belongs to that says nothing about itself.
#pragma once

#include <atomic>
#include <memory>

#include "absl/container/btree_map.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon::node {

/// Thread-safe. Current() is asked for each call, and takes no lock while nothing is open.
class OpenRounds {
 public:
  /// A script is in this run, or in this round of it; until it leaves. Both are counted: scripts may share
  /// one.
  void Enter(const RoundId& round);
  void Leave(const RoundId& round);

  /// The one round that is open; of several in one run, that run alone; of several runs, nothing.
  RoundId Current() const;

 private:
  void Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  absl::btree_map<RoundId, int> open_ ABSL_GUARDED_BY(mutex_);
  RoundId current_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> is_known_{false};  // whether current_ says anything
};

}  // namespace fedcarbon::node
