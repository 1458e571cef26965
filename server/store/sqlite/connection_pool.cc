#include "server/store/sqlite/connection_pool.h"

namespace fedcarbon::server {

absl::StatusOr<ConnectionPool::Lease> ConnectionPool::Take() {
  {
    MutexLock lock(&mutex_);
    while (free_.empty() && opened_ == max_) given_back_.Wait(&mutex_);
    if (!free_.empty()) {
      std::unique_ptr<Database> database = std::move(free_.back());
      free_.pop_back();
      return Lease(this, std::move(database));
    }
    ++opened_;
  }
  absl::StatusOr<std::unique_ptr<Database>> database = open_();
  if (database.ok()) return Lease(this, *std::move(database));
  MutexLock lock(&mutex_);
  --opened_;
  given_back_.NotifyOne();
  return database.status();
}

void ConnectionPool::GiveBack(std::unique_ptr<Database> database) {
  MutexLock lock(&mutex_);
  free_.push_back(std::move(database));
  given_back_.NotifyOne();
}

}  // namespace fedcarbon::server
