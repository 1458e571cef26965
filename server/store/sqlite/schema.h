// The tables of an SQLite store, and how older ones become these. server/store/README.md draws them.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "server/store/sqlite/database.h"

namespace fedcarbon::server {

/// The version that this code writes, and the greatest that it opens (PRAGMA user_version).
inline constexpr int kSchemaVersion = 3;

/// Makes an empty database, or one of an earlier version, one of this version, in one transaction. `recreate`
/// is called in it where only the batches know what the derived tables hold now; an error of it leaves all as
/// it was. FAILED_PRECONDITION for a database of a newer version or of another program.
absl::Status Migrate(Database* database, const std::function<absl::Status()>& recreate);

/// The same errors, for a reader that changes nothing; also when the version is an earlier one.
absl::Status CheckSchema(Database* database);

/// The derived tables with the condition under which a row is derived: what Rebuild empties and compares.
struct DerivedTable {
  const char* name;
  const char* condition;
};
inline constexpr DerivedTable kDerivedTables[] = {
    {"edges", "1"},    {"transport", "1"},
    {"compute", "1"},  {"overhead", "1"},
    {"runs", "1"},     {"run_starts", "1"},
    {"rounds", "1"},   {"nodes", "1"},
    {"bindings", "1"}, {"gaps", "position IS NOT NULL"},
};

}  // namespace fedcarbon::server
