// Opening, and all that writes; sqlite_store_read.cc answers queries, rebuild.cc rebuilds.
#include "server/store/sqlite/sqlite_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
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
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(path));
  RETURN_IF_ERROR(database->Execute(settings));
  return database;
}

// When the last batch of a node arrived, of whatever epoch; without any the Unix epoch.
absl::StatusOr<int64_t> LastReceived(Database* database, int64_t node) {
  Statement find = database->Prepare("SELECT last_received FROM nodes WHERE node = ?");
  ASSIGN_OR_RETURN(const bool row, find.Bind(node).Step());
  return row ? find.Int(0) : 0;
}

// What a transaction knows of the epochs that it has met.
class Epochs {
 public:
  Epochs(Database* database, NameIds::Writer* names) : database_(database), names_(names) {}

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
    ASSIGN_OR_RETURN(state.node, names_->Id(node));
    Statement find =
        database_->Prepare("SELECT watermark, last_received FROM reporters WHERE node = ? AND epoch = ?");
    ASSIGN_OR_RETURN(const bool row, find.Bind(state.node, epoch).Step());
    if (row) {
      state.watermark = static_cast<uint64_t>(find.Int(0));
      state.last_received = find.OptionalInt(1);
    }
    return &state;
  }

  absl::Status Write() {
    Statement upsert = database_->Prepare("INSERT OR REPLACE INTO reporters VALUES (?, ?, ?, ?)");
    for (const auto& [key, state] : states_) {
      if (!state.changed) continue;
      RETURN_IF_ERROR(upsert.Bind(state.node, key.second, state.watermark, state.last_received).Run());
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
                                                               const ExtractFunction& extract) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(folder));
  RETURN_IF_ERROR(PrepareDataFolder(folder));
  ASSIGN_OR_RETURN(FolderLock lock, FolderLock::Take(folder));
  store->lock_.emplace(std::move(lock));
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, store->writer_.Take());
  TotalsWriter totals(database.get(), &store->names_);
  const absl::Status migrated = Migrate(
      database.get(), [&] { return RecreateTotals(database.get(), &store->names_, extract, &totals); });
  RETURN_IF_ERROR(migrated);
  totals.names().Committed();
  return store;
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::OpenForReading(const std::string& folder) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(folder));
  struct stat entry;
  if (stat(store->path_.c_str(), &entry) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("no database in the data folder: '", store->path_, "'"));
  }
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, store->readers_.Take());
  RETURN_IF_ERROR(CheckSchema(database.get()));
  return store;
}

absl::Status SqliteStore::BackUpTo(const std::string& path) {
  RETURN_IF_ERROR(CreatePrivateFile(path));
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  const absl::Status copied = database->CopyTo(path);
  if (!copied.ok()) unlink(path.c_str());
  return copied;
}

absl::StatusOr<std::vector<Appended>> SqliteStore::Append(absl::Span<const Submission> group) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, writer_.Take());
  Transaction transaction(database.get());
  RETURN_IF_ERROR(transaction.begun());
  TotalsWriter totals(database.get(), &names_);
  Epochs epochs(database.get(), &totals.names());
  Statement insert = database->Prepare(
      "INSERT INTO batches (node, epoch, sequence, received, sealed) VALUES (?, ?, ?, ?, ?)");
  std::vector<Appended> results;
  for (const Submission& submission : group) {
    const BatchId& id = submission.id;
    ASSIGN_OR_RETURN(Epochs::State * state, epochs.Get(id.node, id.epoch));
    if (id.sequence != state->watermark + 1) {
      results.push_back(id.sequence <= state->watermark ? Appended::kDuplicate : Appended::kHole);
      continue;
    }
    RETURN_IF_ERROR(
        insert.Bind(state->node, id.epoch, id.sequence, Stored(submission.received), Blob{submission.sealed})
            .Run());
    state->watermark = id.sequence;
    state->last_received = Stored(submission.received);
    state->changed = true;
    const auto position = static_cast<uint64_t>(database->last_insert_id());
    RETURN_IF_ERROR(totals.Add(position, submission.received, submission.delta));
    results.push_back(Appended::kAccepted);
  }
  RETURN_IF_ERROR(epochs.Write());
  RETURN_IF_ERROR(totals.Write());
  RETURN_IF_ERROR(transaction.Commit());
  totals.names().Committed();
  return results;
}

absl::Status SqliteStore::GiveUpBefore(const std::string& node, uint64_t epoch, uint64_t oldest,
                                       const Gap& gap) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, writer_.Take());
  Transaction transaction(database.get());
  RETURN_IF_ERROR(transaction.begun());
  NameIds::Writer names(&names_, database.get());
  Epochs epochs(database.get(), &names);
  ASSIGN_OR_RETURN(Epochs::State * state, epochs.Get(node, epoch));
  if (oldest <= state->watermark + 1) return absl::OkStatus();
  state->watermark = oldest - 1;
  state->changed = true;
  RETURN_IF_ERROR(epochs.Write());
  ASSIGN_OR_RETURN(const int64_t last_received,
                   state->last_received ? *state->last_received : LastReceived(database.get(), state->node));
  const int64_t from = std::min(Stored(gap.from), last_received);
  RETURN_IF_ERROR(database->Prepare("INSERT INTO gaps VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)")
                      .Bind(state->node, gap.reason, from, Stored(gap.to), Stored(gap.facts),
                            Stored(gap.bytes), gap.detail)
                      .Run());
  RETURN_IF_ERROR(transaction.Commit());
  names.Committed();
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
