#include "fedcarbon/files/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace fedcarbon {
namespace {

constexpr size_t kChunk = 64 << 10;  // bytes

absl::Status CannotRead(const std::string& name) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot read '", name, "'"));
}

absl::StatusOr<std::string> ReadAll(int file, const std::string& name, size_t max_bytes) {
  std::string contents;
  while (contents.size() <= max_bytes) {
    const size_t before = contents.size();
    contents.resize(std::min(before + kChunk, max_bytes + 1));
    const ssize_t count = read(file, contents.data() + before, contents.size() - before);
    if (count < 0 && errno != EINTR) return CannotRead(name);
    contents.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return contents;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' is larger than ", max_bytes, " bytes, the most that is read of it"));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return CannotRead(path);
  absl::StatusOr<std::string> contents = ReadAll(file, path, max_bytes);
  close(file);
  return contents;
}

absl::StatusOr<std::string> ReadFileOrStandardInput(const std::string& path, size_t max_bytes) {
  return path == "-" ? ReadAll(STDIN_FILENO, path, max_bytes) : ReadFile(path, max_bytes);
}

}  // namespace fedcarbon
