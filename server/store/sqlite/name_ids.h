// The ids that stand for names of nodes and runs in the tables.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "fedcarbon/sync/mutex.h"
#include "server/store/sqlite/database.h"

namespace fedcarbon::server {

/// A cache of the table `names`, whose rows never change and never go: what was committed stays true, whoever
/// else writes to the database. Thread-safe; no lock is held while the database is asked.
class NameIds {
 public:
  static constexpr int64_t kNone = -1;

  /// The id of a committed name, or kNone.
  absl::StatusOr<int64_t> Find(Database* database, const std::string& name);

  /// The name of an id.
  absl::StatusOr<std::string> Name(Database* database, int64_t id);

  /// Ids that one transaction needs and may have to create; they are shared once it is committed. Not
  /// thread-safe.
  class Writer {
   public:
    Writer(NameIds* names, Database* database) : names_(names), database_(database) {}
    absl::StatusOr<int64_t> Id(const std::string& name);
    void Committed();

   private:
    NameIds* names_;
    Database* database_;
    std::unordered_map<std::string, int64_t> created_;
  };

 private:
  void Remember(const std::string& name, int64_t id);

  Mutex mutex_;
  std::unordered_map<std::string, int64_t> ids_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<int64_t, std::string> names_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::server
