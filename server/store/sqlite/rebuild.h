// Fills the derived tables anew; SqliteStore::Rebuild also says what differed.
#pragma once

#include "absl/status/status.h"
#include "server/store/sqlite/name_ids.h"
#include "server/store/sqlite/totals_writer.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// Empties the derived tables and fills them from the stored batches, by way of `totals`, within its
/// transaction. Errors: the database's, and those of `extract` with the place of the batch.
absl::Status RecreateTotals(Database* database, NameIds* names, const ExtractFunction& extract,
                            TotalsWriter* totals);

}  // namespace fedcarbon::server
