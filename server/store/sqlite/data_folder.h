// The folder that --data names: one database, and a lock for the coordinator that has it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fedcarbon::server {

std::string DatabasePath(const std::string& folder);

/// Creates the folder (0700, its parent must be there) and an empty database file (0600) unless they are
/// there. An existing file is made 0600: what it holds is nobody else's.
absl::Status PrepareDataFolder(const std::string& folder);

/// Creates an empty file (0600). ALREADY_EXISTS if there is one.
absl::Status CreatePrivateFile(const std::string& path);

/// Holds `folder`/fedcarbon.lock (flock) until it goes, also when the process dies. Movable.
class FolderLock {
 public:
  /// FAILED_PRECONDITION, with the process id of the holder, if another has it.
  static absl::StatusOr<FolderLock> Take(const std::string& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_;  // -1: moved away
};

}  // namespace fedcarbon::server
