#include "server/store/sqlite/rebuild.h"

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "server/store/sqlite/schema.h"
#include "server/store/sqlite/sqlite_store.h"

namespace fedcarbon::server {
namespace {

// Batches whose totals are summed up in memory before they are written.
constexpr size_t kGroup = 512;

// Rows of one table that are told, of each kind; more only make the list long.
constexpr int kMaxListed = 20;

absl::Status SetAside(Database* database) {
  for (const DerivedTable& table : kDerivedTables) {
    RETURN_IF_ERROR(
        database->Execute(absl::StrCat("CREATE TEMP TABLE was_", table.name, " AS SELECT * FROM main.",
                                       table.name, " WHERE ", table.condition)));
  }
  return absl::OkStatus();
}

absl::Status Empty(Database* database) {
  for (const DerivedTable& table : kDerivedTables) {
    RETURN_IF_ERROR(
        database->Execute(absl::StrCat("DELETE FROM main.", table.name, " WHERE ", table.condition)));
  }
  return absl::OkStatus();
}

// Rows of `sql`, columns as "name=value"; ids of names stand as they are in the tables.
absl::Status ListDifferences(Database* database, const std::string& sql, const std::string& prefix,
                             std::vector<std::string>* differences) {
  Statement statement = database->Prepare(sql);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return absl::OkStatus();
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
    RETURN_IF_ERROR(ListDifferences(database, absl::StrCat(was, " EXCEPT ", is, " LIMIT ", kMaxListed),
                                    absl::StrCat("was: ", table.name), differences));
    RETURN_IF_ERROR(ListDifferences(database, absl::StrCat(is, " EXCEPT ", was, " LIMIT ", kMaxListed),
                                    absl::StrCat("is: ", table.name), differences));
    RETURN_IF_ERROR(database->Execute(absl::StrCat("DROP TABLE temp.was_", table.name)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RecreateTotals(Database* database, NameIds* names, const ExtractFunction& extract,
                            TotalsWriter* totals) {
  RETURN_IF_ERROR(Empty(database));
  for (uint64_t next = 1;;) {
    ASSIGN_OR_RETURN(const std::vector<StoredBatch> group,
                     ReadBatches(database, names, next, kMaxStored, kGroup));
    if (group.empty()) return absl::OkStatus();
    for (const StoredBatch& batch : group) {
      const absl::StatusOr<TotalsDelta> delta = extract(batch);
      if (!delta.ok()) {
        return absl::Status(delta.status().code(),
                            absl::StrCat("batch at position ", batch.position, " (node '", batch.id.node,
                                         "', sequence ", batch.id.sequence, "): ", delta.status().message()));
      }
      RETURN_IF_ERROR(totals->Add(batch.position, batch.received, *delta));
    }
    RETURN_IF_ERROR(totals->Write());
    next = group.back().position + 1;
  }
}

absl::StatusOr<std::vector<std::string>> SqliteStore::Rebuild(const ExtractFunction& extract) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, writer_.Take());
  Transaction transaction(database.get());
  RETURN_IF_ERROR(transaction.begun());
  RETURN_IF_ERROR(SetAside(database.get()));
  TotalsWriter totals(database.get(), &names_);
  RETURN_IF_ERROR(RecreateTotals(database.get(), &names_, extract, &totals));
  std::vector<std::string> differences;
  RETURN_IF_ERROR(Compare(database.get(), &differences));
  RETURN_IF_ERROR(transaction.Commit());
  totals.names().Committed();
  return differences;
}

}  // namespace fedcarbon::server
