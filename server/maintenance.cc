#include "server/maintenance.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fedcarbon/status/status.h"
#include "server/ingest/extract_totals.h"
#include "server/query/conservation.h"
#include "server/store/sqlite/sqlite_store.h"

namespace fedcarbon::server {
namespace {

absl::Status WritePrivateFile(const std::string& path, const std::string& bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create '", path, "'"));
  const ssize_t written = write(file, bytes.data(), bytes.size());
  const int error = written < 0 ? errno : ENOSPC;
  const bool complete = written == static_cast<ssize_t>(bytes.size());
  if (close(file) != 0 || !complete) {
    return absl::ErrnoToStatus(complete ? errno : error, absl::StrCat("cannot write '", path, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Rebuild(const std::string& data) {
  ASSIGN_OR_RETURN(const auto store, SqliteStore::Open(data, ExtractStoredTotals));
  ASSIGN_OR_RETURN(const std::vector<std::string> differences, store->Rebuild(ExtractStoredTotals));
  for (const std::string& difference : differences) std::printf("%s\n", difference.c_str());
  if (differences.empty()) std::printf("equal\n");
  const absl::Status conserved = CheckConservation(store.get());
  if (!conserved.ok()) {
    return absl::Status(conserved.code(),
                        absl::StrCat("'", data, "': rounds and unattributed against what was recorded: ",
                                     conserved.message()));
  }
  std::printf("rounds and unattributed hold everything that was recorded\n");
  if (differences.empty()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the totals in '", data, "' were not what the batches add up to; they are now"));
}

absl::Status BackUp(const std::string& data, const std::string& destination) {
  ASSIGN_OR_RETURN(const auto store, SqliteStore::OpenForReading(data));
  return store->BackUpTo(destination);
}

absl::Status Export(const std::string& data, const ExportOptions& options) {
  ASSIGN_OR_RETURN(const auto store, SqliteStore::OpenForReading(data));
  if (mkdir(options.folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create the folder '", options.folder, "'"));
  }
  absl::Status status;
  uint64_t count = 0;
  RETURN_IF_ERROR(store->Scan(1, kMaxStored, [&](const StoredBatch& batch) {
    if (!options.node.empty() && batch.id.node != options.node) return true;
    if (batch.received < options.from || batch.received >= options.to) return true;
    status = WritePrivateFile(absl::StrFormat("%s/%s-%016x-%d.batch", options.folder, batch.id.node,
                                              batch.id.epoch, batch.id.sequence),
                              batch.sealed);
    if (status.ok()) ++count;
    return status.ok();
  }));
  RETURN_IF_ERROR(status);
  std::printf("%llu batches\n", static_cast<unsigned long long>(count));
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
