#include "server/query/run_cache.h"

#include "fedcarbon/status/status.h"

namespace fedcarbon::server {

absl::StatusOr<std::shared_ptr<const CountedRun>> RunCache::Get(const RunRecord& record) {
  ASSIGN_OR_RETURN(const uint64_t position, store_->LastPosition());
  const Entry known = Find(record.id);
  const bool has_facts = known.run != nullptr && known.run->record.last_position >= record.last_position;
  if (has_facts && known.position >= position) return known.run;
  if (has_facts) {
    ASSIGN_OR_RETURN(const bool same, HasSameTransport(store_, *known.run));
    if (same) {
      Insert({known.run, position});
      return known.run;
    }
  }
  auto run = ReadRun(store_, has_facts ? known.run->record : record, known.run.get());
  if (run.ok()) Insert({*run, position});
  return run;
}

RunCache::Entry RunCache::Find(const std::string& run) {
  MutexLock lock(&mutex_);
  const Entry* const known = entries_.Find(run);
  return known == nullptr ? Entry() : *known;
}

void RunCache::Insert(const Entry& entry) {
  MutexLock lock(&mutex_);
  const std::string& id = entry.run->record.id;
  if (const Entry* const known = entries_.Find(id); known != nullptr) {
    if (known->position > entry.position) return;  // another thread was faster
    rows_ -= known->run->rows;
  }
  entries_.Put(id, entry);
  rows_ += entry.run->rows;
  while (rows_ > max_rows_ && entries_.size() > 1) rows_ -= entries_.TakeOldest().run->rows;
}

}  // namespace fedcarbon::server
