// Connections to one database, each used by one thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "fedcarbon/sync/mutex.h"
#include "server/store/sqlite/database.h"

namespace fedcarbon::server {

/// Thread-safe. Must outlive its leases.
class ConnectionPool {
 public:
  using Opener = std::function<absl::StatusOr<std::unique_ptr<Database>>()>;

  /// Opens connections when they are needed, at most `max`.
  ConnectionPool(size_t max, Opener open) : max_(max), open_(std::move(open)) {}

  /// A connection, given back when this goes.
  class Lease {
   public:
    Lease(ConnectionPool* pool, std::unique_ptr<Database> database)
        : pool_(pool), database_(std::move(database)) {}
    ~Lease() {
      if (database_ != nullptr) pool_->GiveBack(std::move(database_));
    }
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;

    Database* get() const { return database_.get(); }
    Database* operator->() const { return database_.get(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Database> database_;
  };

  /// Waits until one is free.
  absl::StatusOr<Lease> Take();

 private:
  void GiveBack(std::unique_ptr<Database> database);

  const size_t max_;
  const Opener open_;
  Mutex mutex_;
  CondVar given_back_;
  size_t opened_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Database>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::server
