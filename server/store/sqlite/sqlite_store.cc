// Opening, and all that writes; sqlite_store_read.cc answers questions, rebuild.cc rebuilds.
#include "server/store/sqlite/sqlite_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "server/store/sqlite/rebuild.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/schema.h"

namespace fedcarbon::server {
namespace {

// More only wait for the disk.
constexpr size_t kReaders = 4;

// A checkpoint writes pages back after 16 MiB, and leaves at most 64 MiB of log on the disk.
constexpr char kWriterSettings[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; "
    "PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864";
constexpr char kReaderSettings[] = "PRAGMA query_only = 1";

absl::StatusOr<std::unique_ptr<Database>> OpenWith(const std::string& path, const char* settings) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path);
  if (!database.ok()) return database;
  const absl::Status set = (*database)->Execute(settings);
  if (!set.ok()) return set;
  return database;
}

// When the last batch of a node arrived, of whatever epoch; without any the Unix epoch.
absl::StatusOr<int64_t> LastReceived(Database* database, int64_t node) {
  Statement find = database->Prepare("SELECT last_received FROM nodes WHERE node = ?");
  const absl::StatusOr<bool> row = find.Bind(node).Step();
  if (!row.ok()) return row.status();
  return *row ? find.Int(0) : 0;
}

// What a transaction knows of the reporters that it has met.
class Reporters {
 public:
  Reporters(Database* database, NameIds::Writer* names) : database_(database), names_(names) {}

  struct State {
    int64_t node = 0;
    uint64_t watermark = 0;
    std::optional<int64_t> last_received;
    bool changed = false;
  };

  absl::StatusOr<State*> Get(const std::string& node, uint64_t epoch) {
    auto [entry, is_new] = states_.try_emplace({node, epoch});
    State& state = entry->second;
    if (!is_new) return &state;
    const absl::StatusOr<int64_t> id = names_->Id(node);
    if (!id.ok()) return id.status();
    state.node = *id;
    Statement find =
        database_->Prepare("SELECT watermark, last_received FROM reporters WHERE node = ? AND epoch = ?");
    const absl::StatusOr<bool> row = find.Bind(*id, epoch).Step();
    if (!row.ok()) return row.status();
    if (*row) {
      state.watermark = static_cast<uint64_t>(find.Int(0));
      state.last_received = find.OptionalInt(1);
    }
    return &state;
  }

  absl::Status Write() {
    Statement upsert = database_->Prepare("INSERT OR REPLACE INTO reporters VALUES (?, ?, ?, ?)");
    for (const auto& [key, state] : states_) {
      if (!state.changed) continue;
      const absl::Status written =
          upsert.Bind(state.node, key.second, state.watermark, state.last_received).Run();
      if (!written.ok()) return written;
    }
    return absl::OkStatus();
  }

 private:
  Database* database_;
  NameIds::Writer* names_;
  std::map<std::pair<std::string, uint64_t>, State> states_;
};

}  // namespace

SqliteStore::SqliteStore(const std::string& folder)
    : path_(DatabasePath(folder)),
      writer_(1, [this] { return OpenWith(path_, kWriterSettings); }),
      readers_(kReaders, [this] { return OpenWith(path_, kReaderSettings); }) {}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& folder,
                                                               const DigestFunction& digest) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(folder));
  const absl::Status prepared = PrepareDataFolder(folder);
  if (!prepared.ok()) return prepared;
  absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  store->lock_.emplace(*std::move(lock));
  const absl::StatusOr<ConnectionPool::Lease> database = store->writer_.Take();
  if (!database.ok()) return database.status();
  TotalsWriter totals(database->get(), &store->names_);
  const absl::Status migrated = Migrate(
      database->get(), [&] { return RecreateTotals(database->get(), &store->names_, digest, &totals); });
  if (!migrated.ok()) return migrated;
  totals.names().Committed();
  return store;
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::OpenForReading(const std::string& folder) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(folder));
  struct stat entry;
  if (stat(store->path_.c_str(), &entry) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("no database in the data folder: '", store->path_, "'"));
  }
  const absl::StatusOr<ConnectionPool::Lease> database = store->readers_.Take();
  if (!database.ok()) return database.status();
  const absl::Status checked = CheckSchema(database->get());
  if (!checked.ok()) return checked;
  return store;
}

absl::Status SqliteStore::BackUpTo(const std::string& path) {
  const absl::Status created = CreatePrivateFile(path);
  if (!created.ok()) return created;
  const absl::StatusOr<ConnectionPool::Lease> database = readers_.Take();
  if (!database.ok()) return database.status();
  const absl::Status copied = (*database)->CopyTo(path);
  if (!copied.ok()) unlink(path.c_str());
  return copied;
}

absl::StatusOr<std::vector<Appended>> SqliteStore::Append(absl::Span<const Submission> group) {
  const absl::StatusOr<ConnectionPool::Lease> database = writer_.Take();
  if (!database.ok()) return database.status();
  Transaction transaction(database->get());
  if (!transaction.begun().ok()) return transaction.begun();
  TotalsWriter totals(database->get(), &names_);
  Reporters reporters(database->get(), &totals.names());
  Statement insert = (*database)->Prepare(
      "INSERT INTO batches (node, epoch, sequence, received, sealed) VALUES (?, ?, ?, ?, ?)");
  std::vector<Appended> results;
  for (const Submission& submission : group) {
    const BatchId& id = submission.id;
    const absl::StatusOr<Reporters::State*> reporter = reporters.Get(id.node, id.epoch);
    if (!reporter.ok()) return reporter.status();
    if (id.sequence != (*reporter)->watermark + 1) {
      results.push_back(id.sequence <= (*reporter)->watermark ? Appended::kDuplicate : Appended::kHole);
      continue;
    }
    const absl::Status inserted = insert
                                      .Bind((*reporter)->node, id.epoch, id.sequence,
                                            Stored(submission.received), Blob{submission.sealed})
                                      .Run();
    if (!inserted.ok()) return inserted;
    (*reporter)->watermark = id.sequence;
    (*reporter)->last_received = Stored(submission.received);
    (*reporter)->changed = true;
    const auto position = static_cast<uint64_t>((*database)->last_insert_id());
    const absl::Status added = totals.Add(position, submission.received, submission.delta);
    if (!added.ok()) return added;
    results.push_back(Appended::kAccepted);
  }
  const absl::Status watermarks = reporters.Write();
  if (!watermarks.ok()) return watermarks;
  const absl::Status written = totals.Write();
  if (!written.ok()) return written;
  const absl::Status committed = transaction.Commit();
  if (!committed.ok()) return committed;
  totals.names().Committed();
  return results;
}

absl::Status SqliteStore::GiveUpBefore(const std::string& node, uint64_t epoch, uint64_t oldest,
                                       const Gap& gap) {
  const absl::StatusOr<ConnectionPool::Lease> database = writer_.Take();
  if (!database.ok()) return database.status();
  Transaction transaction(database->get());
  if (!transaction.begun().ok()) return transaction.begun();
  NameIds::Writer names(&names_, database->get());
  Reporters reporters(database->get(), &names);
  const absl::StatusOr<Reporters::State*> reporter = reporters.Get(node, epoch);
  if (!reporter.ok()) return reporter.status();
  if (oldest <= (*reporter)->watermark + 1) return absl::OkStatus();
  (*reporter)->watermark = oldest - 1;
  (*reporter)->changed = true;
  const absl::Status written = reporters.Write();
  if (!written.ok()) return written;
  const absl::StatusOr<int64_t> last_received = (*reporter)->last_received
                                                    ? *(*reporter)->last_received
                                                    : LastReceived(database->get(), (*reporter)->node);
  if (!last_received.ok()) return last_received.status();
  const int64_t from = std::min(Stored(gap.from), *last_received);
  const absl::Status recorded = (*database)
                                    ->Prepare("INSERT INTO gaps VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)")
                                    .Bind((*reporter)->node, gap.reason, from, Stored(gap.to),
                                          Stored(gap.facts), Stored(gap.bytes), gap.detail)
                                    .Run();
  if (!recorded.ok()) return recorded;
  const absl::Status committed = transaction.Commit();
  if (!committed.ok()) return committed;
  names.Committed();
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
