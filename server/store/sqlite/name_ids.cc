#include "server/store/sqlite/name_ids.h"

#include "absl/strings/str_cat.h"

namespace fedcarbon::server {
namespace {

// Beyond this many the cache starts anew.
constexpr size_t kMaxCached = 100'000;

}  // namespace

void NameIds::Remember(const std::string& name, int64_t id) {
  MutexLock lock(&mutex_);
  if (ids_.size() >= kMaxCached) {
    ids_.clear();
    names_.clear();
  }
  ids_[name] = id;
  names_[id] = name;
}

absl::StatusOr<int64_t> NameIds::Find(Database* database, const std::string& name) {
  {
    MutexLock lock(&mutex_);
    const auto known = ids_.find(name);
    if (known != ids_.end()) return known->second;
  }
  Statement statement = database->Prepare("SELECT id FROM names WHERE name = ?");
  const absl::StatusOr<bool> row = statement.Bind(name).Step();
  if (!row.ok()) return row.status();
  if (!*row) return kNone;
  const int64_t id = statement.Int(0);
  Remember(name, id);
  return id;
}

absl::StatusOr<std::string> NameIds::Name(Database* database, int64_t id) {
  {
    MutexLock lock(&mutex_);
    const auto known = names_.find(id);
    if (known != names_.end()) return known->second;
  }
  Statement statement = database->Prepare("SELECT name FROM names WHERE id = ?");
  const absl::StatusOr<bool> row = statement.Bind(id).Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    return absl::DataLossError(absl::StrCat("'", database->path(), "': name ", id, " is missing"));
  }
  const std::string name(statement.Bytes(0));
  Remember(name, id);
  return name;
}

absl::StatusOr<int64_t> NameIds::Writer::Id(const std::string& name) {
  const auto created = created_.find(name);
  if (created != created_.end()) return created->second;
  {
    MutexLock lock(&names_->mutex_);
    const auto known = names_->ids_.find(name);
    if (known != names_->ids_.end()) return known->second;
  }
  Statement find = database_->Prepare("SELECT id FROM names WHERE name = ?1");
  const absl::StatusOr<bool> row = find.Bind(name).Step();
  if (!row.ok()) return row.status();
  if (*row) return created_[name] = find.Int(0);
  const absl::Status inserted = database_->Prepare("INSERT INTO names (name) VALUES (?)").Bind(name).Run();
  if (!inserted.ok()) return inserted;
  return created_[name] = database_->last_insert_id();
}

void NameIds::Writer::Committed() {
  for (const auto& [name, id] : created_) names_->Remember(name, id);
  created_.clear();
}

}  // namespace fedcarbon::server
