#include "fedcarbon/report/batch_keeper.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/report/log.h"

namespace fedcarbon {
namespace {

absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return absl::ErrnoToStatus(errno, "cannot be created");
  absl::Status status;
  while (!bytes.empty() && status.ok()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      status = absl::ErrnoToStatus(errno, "cannot be written");
    }
  }
  close(file);
  return status;
}

}  // namespace

void BatchKeeper::Write(const BatchId& id, std::string_view sealed) {
  const std::string path = absl::StrCat(directory_, "/", id.node, "-", absl::Hex(id.epoch, absl::kZeroPad16),
                                        "-", id.sequence, ".batch");
  // Under another name until it is whole.
  const std::string unfinished = path + ".tmp";
  absl::Status status = WriteFile(unfinished, sealed);
  if (status.ok() && std::rename(unfinished.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, "cannot be renamed");
  }
  if (!status.ok()) {
    unlink(unfinished.c_str());
    if (!failed_) {
      log::Warn(absl::StrCat(path, ": ", status.ToString(),
                             "; batches are reported all the same, but not kept as files"));
    }
  }
  failed_ = !status.ok();
}

}  // namespace fedcarbon
