// The store in an SQLite file: the coordinator's default.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/store/sqlite/connection_pool.h"
#include "server/store/sqlite/data_folder.h"
#include "server/store/sqlite/name_ids.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// Thread-safe: one connection writes, a few read beside it (WAL), and what was appended is on the disk
/// before Append returns (synchronous=FULL).
class SqliteStore : public Store {
 public:
  /// Opens `folder`/fedcarbon.db, one process at a time. Creates what is missing; a database of an earlier
  /// version becomes one of this version, by way of `extract` where its totals have to be recreated. Errors:
  /// as store.h says, and those of `extract`.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& folder,
                                                           const ExtractFunction& extract);

  /// Opens what is there to read it, also while a coordinator runs. NOT_FOUND: nothing is; else as store.h
  /// says.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> OpenForReading(const std::string& folder);

  /// Copies the database into a new file (0600) while others write. ALREADY_EXISTS if there is one.
  absl::Status BackUpTo(const std::string& path);

  absl::StatusOr<std::vector<Appended>> Append(absl::Span<const Submission> group) override;
  absl::StatusOr<uint64_t> Watermark(const std::string& node, uint64_t epoch) override;
  absl::Status GiveUpBefore(const std::string& node, uint64_t epoch, uint64_t oldest,
                            const Gap& gap) override;
  absl::StatusOr<std::vector<RunRecord>> ListRuns(size_t limit, const std::string& after_id) override;
  absl::StatusOr<std::vector<RunRecord>> FindRuns(const std::string& text) override;
  absl::StatusOr<std::vector<RoundRecord>> ListRounds(const std::string& run, RoundRange range,
                                                      uint64_t after_position, size_t limit) override;
  absl::StatusOr<std::vector<EdgeRow>> Edges(const std::string& run, RoundRange range,
                                             bool unattributed) override;
  absl::StatusOr<std::vector<ComputeRow>> Compute(const std::string& run, RoundRange range,
                                                  bool unattributed) override;
  absl::StatusOr<std::vector<std::pair<TransportKey, TransportTotals>>> ListTransport(Hour from,
                                                                                      Hour to) override;
  absl::StatusOr<std::vector<std::pair<OverheadKey, OverheadTotals>>> ListOverhead(Hour from,
                                                                                   Hour to) override;
  absl::StatusOr<std::vector<NodeRecord>> ListNodes() override;
  absl::StatusOr<std::vector<NodeGap>> ListGaps(absl::Time from, absl::Time to) override;
  absl::Status Scan(uint64_t from, uint64_t to,
                    const std::function<bool(const StoredBatch&)>& visit) override;
  absl::StatusOr<uint64_t> LastPosition() override;
  absl::StatusOr<std::vector<std::string>> Rebuild(const ExtractFunction& extract) override;

 private:
  explicit SqliteStore(const std::string& folder);

  const std::string path_;
  std::optional<FolderLock> lock_;  // none: for reading
  NameIds names_;
  ConnectionPool writer_;
  ConnectionPool readers_;
};

/// At most `limit` batches from position `from` to `to`, in order.
absl::StatusOr<std::vector<StoredBatch>> ReadBatches(Database* database, NameIds* names, uint64_t from,
                                                     uint64_t to, size_t limit);

}  // namespace fedcarbon::server
