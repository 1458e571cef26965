#include "node/local/open_rounds.h"

#include <iterator>

namespace fedcarbon::node {

void OpenRounds::Enter(const RoundId& round) {
  MutexLock lock(&mutex_);
  ++open_[round];
  Decide();
}

void OpenRounds::Leave(const RoundId& round) {
  MutexLock lock(&mutex_);
  const auto entry = open_.find(round);
  if (--entry->second == 0) open_.erase(entry);
  Decide();
}

RoundId OpenRounds::Current() const {
  if (!is_known_.load(std::memory_order_acquire)) return {};
  MutexLock lock(&mutex_);
  return current_;
}

// In the order of open_, a run stands before its rounds, and these stand together.
void OpenRounds::Decide() {
  current_ = {};
  if (!open_.empty() && open_.begin()->first.run == open_.rbegin()->first.run) {
    current_ = open_.rbegin()->first;
    if (open_.size() > 1 && std::prev(open_.end(), 2)->first.round.has_value()) current_.round.reset();
  }
  is_known_.store(!current_.run.empty(), std::memory_order_release);
  changes_.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace fedcarbon::node
