#include "server/query/run_cache.h"

namespace fedcarbon::server {

absl::StatusOr<std::shared_ptr<const CountedRun>> RunCache::Get(const RunRecord& record) {
  const std::shared_ptr<const CountedRun> known = Find(record.id);
  if (known != nullptr && known->record.last_position >= record.last_position) return known;
  auto run = ReadRun(store_, record, known.get());
  if (run.ok()) Keep(*run);
  return run;
}

std::shared_ptr<const CountedRun> RunCache::Find(const std::string& run) {
  MutexLock lock(&mutex_);
  const auto place = places_.find(run);
  if (place == places_.end()) return nullptr;
  runs_.splice(runs_.begin(), runs_, place->second);
  return runs_.front();
}

void RunCache::Keep(const std::shared_ptr<const CountedRun>& run) {
  MutexLock lock(&mutex_);
  const auto place = places_.find(run->record.id);
  if (place != places_.end()) {
    if ((*place->second)->record.last_position > run->record.last_position)
      return;  // another thread was faster
    rows_ -= (*place->second)->rows;
    runs_.erase(place->second);
  }
  runs_.push_front(run);
  places_[run->record.id] = runs_.begin();
  rows_ += run->rows;
  while (rows_ > max_rows_ && runs_.size() > 1) {
    rows_ -= runs_.back()->rows;
    places_.erase(runs_.back()->record.id);
    runs_.pop_back();
  }
}

}  // namespace fedcarbon::server
