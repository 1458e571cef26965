// The runs that were asked for last, counted, so that a query of one reads only what changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "fedcarbon/lru/lru.h"
#include "fedcarbon/sync/mutex.h"
#include "server/query/counted_run.h"

namespace fedcarbon::server {

/// Thread-safe. Holds at most `max_rows` cells (a cell takes about 130 bytes), and always the run that was
/// asked for last; the run that was not asked for longest goes first.
class RunCache {
 public:
  static constexpr size_t kDefaultMaxRows = 1'000'000;

  /// `store` must outlive this.
  explicit RunCache(Store* store, size_t max_rows = kDefaultMaxRows) : store_(store), max_rows_(max_rows) {}

  /// The run as it is now, or later than `record`. Errors: the store's.
  absl::StatusOr<std::shared_ptr<const CountedRun>> Get(const RunRecord& record) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::shared_ptr<const CountedRun> run;
    uint64_t position = 0;  // of the store's last batch when the run was seen to be so
  };

  Entry Find(const std::string& run) ABSL_LOCKS_EXCLUDED(mutex_);
  void Insert(const Entry& entry) ABSL_LOCKS_EXCLUDED(mutex_);

  Store* const store_;
  const size_t max_rows_;
  Mutex mutex_;
  Lru<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_){SIZE_MAX};  // by run; max_rows_ is their bound
  size_t rows_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace fedcarbon::server
