#include "server/store/sqlite/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace fedcarbon::server {
namespace {

absl::Status ErrnoError(const std::string& what) { return absl::ErrnoToStatus(errno, what); }

// A new file must be found again after a power cut.
absl::Status SyncFolder(const std::string& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return ErrnoError(absl::StrCat("cannot open the folder '", folder, "'"));
  const absl::Status status =
      fsync(file) == 0 ? absl::OkStatus() : ErrnoError(absl::StrCat("cannot sync the folder '", folder, "'"));
  close(file);
  return status;
}

}  // namespace

std::string DatabasePath(const std::string& folder) { return absl::StrCat(folder, "/fedcarbon.db"); }

absl::Status PrepareDataFolder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoError(absl::StrCat("cannot create the data folder '", folder, "'"));
  }
  const std::string path = DatabasePath(folder);
  const absl::Status created = CreatePrivateFile(path);
  if (created.ok()) return SyncFolder(folder);
  if (!absl::IsAlreadyExists(created)) return created;
  if (chmod(path.c_str(), 0600) != 0) return ErrnoError(absl::StrCat("cannot make '", path, "' private"));
  return absl::OkStatus();
}

absl::Status CreatePrivateFile(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return ErrnoError(absl::StrCat("cannot create '", path, "'"));
  close(file);
  return absl::OkStatus();
}

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/fedcarbon.lock");
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return ErrnoError(absl::StrCat("cannot open the lock file '", path, "'"));
  FolderLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoError(absl::StrCat("cannot lock '", path, "'"));
    char holder[32] = {};
    const ssize_t length = pread(file, holder, sizeof(holder) - 1, 0);
    return absl::FailedPreconditionError(
        absl::StrCat("another coordinator (process ",
                     length > 0 ? absl::StripAsciiWhitespace(holder) : absl::string_view("unknown"),
                     ") has the data folder '", folder, "': stop it, or choose another folder"));
  }
  const std::string own = absl::StrCat(getpid(), "\n");
  if (ftruncate(file, 0) != 0 ||
      pwrite(file, own.data(), own.size(), 0) != static_cast<ssize_t>(own.size())) {
    return ErrnoError(absl::StrCat("cannot write '", path, "'"));
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FolderLock::~FolderLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace fedcarbon::server
