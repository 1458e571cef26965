#include "server/store/sqlite/schema.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

// "fedc": what the file command and other programs know the file by.
constexpr int64_t kApplicationId = 0x66656463;

// NameIds of nodes and runs are their ids in `names`; id 0 is "", the unknown one. An unknown round is -1.
// Times are microseconds since the Unix epoch, durations microseconds.
constexpr char kVersion1[] = R"(
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO names VALUES (0, '');

-- For ever.
CREATE TABLE batches (
  position INTEGER PRIMARY KEY, node INTEGER NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
  received INTEGER NOT NULL, sealed BLOB NOT NULL, UNIQUE (node, epoch, sequence)) STRICT;
-- What was given up is not in the batches: watermarks are kept, not rebuilt.
CREATE TABLE reporters (
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, watermark INTEGER NOT NULL, last_received INTEGER,
  PRIMARY KEY (node, epoch)) STRICT, WITHOUT ROWID;

-- Derived: kDerivedTables.
CREATE TABLE edges (
  run INTEGER NOT NULL, round INTEGER NOT NULL, from_node INTEGER NOT NULL, to_node INTEGER NOT NULL,
  reported_by_sender INTEGER NOT NULL, observer INTEGER NOT NULL, answered INTEGER NOT NULL,
  hour INTEGER NOT NULL, epoch INTEGER NOT NULL, binding INTEGER NOT NULL,
  transfers INTEGER NOT NULL, requests INTEGER NOT NULL, responses INTEGER NOT NULL, messages INTEGER NOT NULL,
  message_transfers INTEGER NOT NULL, message_bytes INTEGER NOT NULL,
  encoded_transfers INTEGER NOT NULL, encoded_bytes INTEGER NOT NULL,
  header_transfers INTEGER NOT NULL, header_bytes INTEGER NOT NULL,
  PRIMARY KEY (run, round, from_node, to_node, reported_by_sender, observer, answered, hour, epoch, binding)
) STRICT, WITHOUT ROWID;
CREATE INDEX edges_awaiting ON edges (epoch, binding) WHERE binding <> 0;
CREATE TABLE compute (
  run INTEGER NOT NULL, round INTEGER NOT NULL, node INTEGER NOT NULL, kind INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  spans INTEGER NOT NULL, wall INTEGER NOT NULL, cpu INTEGER NOT NULL, accelerator INTEGER NOT NULL,
  PRIMARY KEY (run, round, node, kind, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE overhead (
  node INTEGER NOT NULL, hour INTEGER NOT NULL, report INTEGER NOT NULL, context INTEGER NOT NULL,
  PRIMARY KEY (node, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
  run INTEGER PRIMARY KEY, name TEXT NOT NULL, planned_rounds INTEGER NOT NULL,
  first_fact INTEGER NOT NULL, last_fact INTEGER NOT NULL, ended INTEGER,
  first_position INTEGER NOT NULL, last_position INTEGER NOT NULL) STRICT;
CREATE INDEX runs_first_fact ON runs (first_fact);
CREATE TABLE run_starts (
  run INTEGER NOT NULL, node INTEGER NOT NULL, epoch INTEGER NOT NULL,
  PRIMARY KEY (run, node, epoch)) STRICT, WITHOUT ROWID;
CREATE TABLE rounds (
  run INTEGER NOT NULL, round INTEGER NOT NULL, started INTEGER, ended INTEGER, outcome INTEGER NOT NULL,
  last_position INTEGER NOT NULL, PRIMARY KEY (run, round)) STRICT, WITHOUT ROWID;
CREATE TABLE nodes (
  node INTEGER PRIMARY KEY, description BLOB, first_received INTEGER NOT NULL, last_received INTEGER NOT NULL,
  clock_time INTEGER, clock_offset INTEGER, clock_round_trip INTEGER,
  batches INTEGER NOT NULL, unsigned_batches INTEGER NOT NULL, unknown_fields INTEGER NOT NULL) STRICT;
CREATE TABLE bindings (
  node INTEGER NOT NULL, epoch INTEGER NOT NULL, key INTEGER NOT NULL,
  run INTEGER NOT NULL, round INTEGER NOT NULL, PRIMARY KEY (node, epoch, key)) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
  position INTEGER,  -- NULL: found by the coordinator, when batches were given up
  node INTEGER NOT NULL, reason INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL,
  facts INTEGER NOT NULL, bytes INTEGER NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE INDEX gaps_to_time ON gaps (to_time);

CREATE VIEW run_records AS
  SELECT names.name AS id, runs.name, planned_rounds, first_fact, last_fact, ended,
         (SELECT count(*) FROM run_starts WHERE run_starts.run = runs.run) AS starts,
         (SELECT count(*) FROM rounds WHERE rounds.run = runs.run) AS rounds, first_position, last_position
  FROM runs JOIN names ON names.id = runs.run;
)";

// Nothing reported connections to a coordinator of version 1; what proxies saw of transfers is in its edges.
constexpr char kVersion2[] = R"(
CREATE TABLE transport (
  from_node INTEGER NOT NULL, to_node INTEGER NOT NULL, reported_by_sender INTEGER NOT NULL,
  hour INTEGER NOT NULL, transport INTEGER NOT NULL, encoded INTEGER NOT NULL,
  PRIMARY KEY (from_node, to_node, reported_by_sender, hour)) STRICT, WITHOUT ROWID;
CREATE INDEX transport_hour ON transport (hour);
INSERT INTO transport
  SELECT from_node, to_node, reported_by_sender, hour, 0, encoded_bytes FROM edges
  WHERE observer = 2 AND encoded_bytes > 0
  ON CONFLICT DO UPDATE SET encoded = min(encoded + excluded.encoded, 9223372036854775807);
)";

// What a transfer counts as is in its batch alone, and which spans are upper bounds.
constexpr char kVersion3[] = R"(
DROP TABLE edges;
CREATE TABLE edges (
  run INTEGER NOT NULL, round INTEGER NOT NULL, from_node INTEGER NOT NULL, to_node INTEGER NOT NULL,
  reported_by_sender INTEGER NOT NULL, observer INTEGER NOT NULL, answered INTEGER NOT NULL,
  waste INTEGER NOT NULL, hour INTEGER NOT NULL, epoch INTEGER NOT NULL, binding INTEGER NOT NULL,
  transfers INTEGER NOT NULL, requests INTEGER NOT NULL, responses INTEGER NOT NULL, messages INTEGER NOT NULL,
  message_transfers INTEGER NOT NULL, message_bytes INTEGER NOT NULL,
  encoded_transfers INTEGER NOT NULL, encoded_bytes INTEGER NOT NULL,
  header_transfers INTEGER NOT NULL, header_bytes INTEGER NOT NULL,
  PRIMARY KEY (run, round, from_node, to_node, reported_by_sender, observer, answered, waste, hour, epoch,
               binding)
) STRICT, WITHOUT ROWID;
CREATE INDEX edges_awaiting ON edges (epoch, binding) WHERE binding <> 0;
DROP TABLE compute;
CREATE TABLE compute (
  run INTEGER NOT NULL, round INTEGER NOT NULL, node INTEGER NOT NULL, kind INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  spans INTEGER NOT NULL, wall INTEGER NOT NULL, wall_is_upper_bound INTEGER NOT NULL, cpu INTEGER NOT NULL,
  accelerator INTEGER NOT NULL,
  PRIMARY KEY (run, round, node, kind, hour)) STRICT, WITHOUT ROWID;
)";

struct Migration {
  const char* statements;
  bool recreates;  // the derived tables then have to be filled from the batches
};

// Entry n makes version n + 1 of version n. Entries are never changed.
constexpr Migration kMigrations[] = {{kVersion1, false}, {kVersion2, false}, {kVersion3, true}};
static_assert(std::size(kMigrations) == kSchemaVersion);

absl::StatusOr<int64_t> Number(Database* database, const char* sql) {
  Statement statement = database->Prepare(sql);
  RETURN_IF_ERROR(statement.Step().status());
  return statement.Int(0);
}

// The version; 0 for an empty database.
absl::StatusOr<int64_t> Version(Database* database) {
  ASSIGN_OR_RETURN(const int64_t version, Number(database, "PRAGMA user_version"));
  ASSIGN_OR_RETURN(const int64_t application, Number(database, "PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t tables, Number(database, "SELECT count(*) FROM sqlite_schema"));
  if (application != kApplicationId && (version != 0 || tables != 0)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", database->path(), "' is a database of another program: choose another data folder"));
  }
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat("'", database->path(), "' has schema version ", version,
                                                      ", this program knows up to ", kSchemaVersion,
                                                      ": use the newer fedcarbon-coordinator that wrote it"));
  }
  return version;
}

}  // namespace

absl::Status Migrate(Database* database, const std::function<absl::Status()>& recreate) {
  ASSIGN_OR_RETURN(int64_t version, Version(database));
  if (version == kSchemaVersion) return absl::OkStatus();
  Transaction transaction(database);
  RETURN_IF_ERROR(transaction.begun());
  bool recreates = false;
  for (int64_t next = version; next < kSchemaVersion; ++next) {
    RETURN_IF_ERROR(database->Execute(kMigrations[next].statements));
    recreates |= kMigrations[next].recreates;
  }
  if (recreates) {
    // By the statements of this version: it comes after all of them.
    RETURN_IF_ERROR(recreate());
  }
  RETURN_IF_ERROR(database->Execute(
      absl::StrCat("PRAGMA application_id = ", kApplicationId, "; PRAGMA user_version = ", kSchemaVersion)));
  return transaction.Commit();
}

absl::Status CheckSchema(Database* database) {
  ASSIGN_OR_RETURN(const int64_t version, Version(database));
  if (version == kSchemaVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("'", database->path(), "' has schema version ", version,
                                                    ", this program reads ", kSchemaVersion,
                                                    ": start fedcarbon-coordinator on it once"));
}

}  // namespace fedcarbon::server
