#include "server/store/sqlite/rebuild.h"

#include "absl/strings/str_cat.h"
#include "server/store/sqlite/schema.h"
#include "server/store/sqlite/sqlite_store.h"

namespace fedcarbon::server {
namespace {

// Batches whose totals are summed up in memory before they are written.
constexpr size_t kGroup = 512;

// Rows of one table that are told, of each kind; more only make the list long.
constexpr int kTold = 20;

absl::Status SetAside(Database* database) {
  for (const DerivedTable& table : kDerivedTables) {
    const absl::Status copied =
        database->Execute(absl::StrCat("CREATE TEMP TABLE was_", table.name, " AS SELECT * FROM main.",
                                       table.name, " WHERE ", table.condition));
    if (!copied.ok()) return copied;
  }
  return absl::OkStatus();
}

absl::Status Empty(Database* database) {
  for (const DerivedTable& table : kDerivedTables) {
    const absl::Status emptied =
        database->Execute(absl::StrCat("DELETE FROM main.", table.name, " WHERE ", table.condition));
    if (!emptied.ok()) return emptied;
  }
  return absl::OkStatus();
}

// Rows of `sql`, columns as "name=value"; ids of names stand as they are in the tables.
absl::Status Tell(Database* database, const std::string& sql, const std::string& prefix,
                  std::vector<std::string>* differences) {
  Statement statement = database->Prepare(sql);
  for (;;) {
    const absl::StatusOr<bool> more = statement.Step();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    std::string line = prefix;
    for (int column = 0; column < statement.columns(); ++column) {
      line.append(" ").append(statement.ColumnName(column)).append("=").append(statement.Bytes(column));
    }
    differences->push_back(std::move(line));
  }
}

absl::Status Compare(Database* database, std::vector<std::string>* differences) {
  for (const DerivedTable& table : kDerivedTables) {
    const std::string was = absl::StrCat("SELECT * FROM temp.was_", table.name);
    const std::string is = absl::StrCat("SELECT * FROM main.", table.name, " WHERE ", table.condition);
    const absl::Status lost = Tell(database, absl::StrCat(was, " EXCEPT ", is, " LIMIT ", kTold),
                                   absl::StrCat("was: ", table.name), differences);
    if (!lost.ok()) return lost;
    const absl::Status found = Tell(database, absl::StrCat(is, " EXCEPT ", was, " LIMIT ", kTold),
                                    absl::StrCat("is: ", table.name), differences);
    if (!found.ok()) return found;
    const absl::Status dropped = database->Execute(absl::StrCat("DROP TABLE temp.was_", table.name));
    if (!dropped.ok()) return dropped;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RecreateTotals(Database* database, NameIds* names, const DigestFunction& digest,
                            TotalsWriter* totals) {
  const absl::Status emptied = Empty(database);
  if (!emptied.ok()) return emptied;
  for (uint64_t next = 1;;) {
    const absl::StatusOr<std::vector<StoredBatch>> group =
        ReadBatches(database, names, next, kMaxStored, kGroup);
    if (!group.ok()) return group.status();
    if (group->empty()) return absl::OkStatus();
    for (const StoredBatch& batch : *group) {
      const absl::StatusOr<TotalsDelta> delta = digest(batch);
      if (!delta.ok()) {
        return absl::Status(delta.status().code(),
                            absl::StrCat("batch at position ", batch.position, " (node '", batch.id.node,
                                         "', sequence ", batch.id.sequence, "): ", delta.status().message()));
      }
      const absl::Status added = totals->Add(batch.position, batch.received, *delta);
      if (!added.ok()) return added;
    }
    const absl::Status written = totals->Write();
    if (!written.ok()) return written;
    next = group->back().position + 1;
  }
}

absl::StatusOr<std::vector<std::string>> SqliteStore::Rebuild(const DigestFunction& digest) {
  const absl::StatusOr<ConnectionPool::Lease> database = writer_.Take();
  if (!database.ok()) return database.status();
  Transaction transaction(database->get());
  if (!transaction.begun().ok()) return transaction.begun();
  const absl::Status aside = SetAside(database->get());
  if (!aside.ok()) return aside;
  TotalsWriter totals(database->get(), &names_);
  const absl::Status recreated = RecreateTotals(database->get(), &names_, digest, &totals);
  if (!recreated.ok()) return recreated;
  std::vector<std::string> differences;
  const absl::Status compared = Compare(database->get(), &differences);
  if (!compared.ok()) return compared;
  const absl::Status committed = transaction.Commit();
  if (!committed.ok()) return committed;
  totals.names().Committed();
  return differences;
}

}  // namespace fedcarbon::server
