#include "server/store/sqlite/name_ids.h"

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

// Beyond this many the cache starts anew.
constexpr size_t kMaxCached = 100'000;

// As the transaction of `database` sees it, or kNone.
absl::StatusOr<int64_t> ReadId(Database* database, const std::string& name) {
  Statement statement = database->Prepare("SELECT id FROM names WHERE name = ?");
  ASSIGN_OR_RETURN(const bool found, statement.Bind(name).Step());
  return found ? statement.Int(0) : NameIds::kNone;
}

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
  ASSIGN_OR_RETURN(const int64_t id, ReadId(database, name));
  if (id != kNone) Remember(name, id);
  return id;
}

absl::StatusOr<std::string> NameIds::Name(Database* database, int64_t id) {
  {
    MutexLock lock(&mutex_);
    const auto known = names_.find(id);
    if (known != names_.end()) return known->second;
  }
  Statement statement = database->Prepare("SELECT name FROM names WHERE id = ?");
  ASSIGN_OR_RETURN(const bool found, statement.Bind(id).Step());
  if (!found) {
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
  ASSIGN_OR_RETURN(int64_t id, ReadId(database_, name));
  if (id == kNone) {
    RETURN_IF_ERROR(database_->Prepare("INSERT INTO names (name) VALUES (?)").Bind(name).Run());
    id = database_->last_insert_id();
  }
  return created_[name] = id;
}

void NameIds::Writer::Committed() {
  for (const auto& [name, id] : created_) names_->Remember(name, id);
  created_.clear();
}

}  // namespace fedcarbon::server
