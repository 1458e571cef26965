// Adds batches to the derived tables, a group at a time.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/store/accumulated_totals.h"
#include "server/store/sqlite/name_ids.h"

namespace fedcarbon::server {

/// Sums a group up in memory and writes each changed row once. Lives within one transaction of `database`;
/// not thread-safe.
class TotalsWriter {
 public:
  TotalsWriter(Database* database, NameIds* shared_names)
      : database_(database), shared_names_(shared_names), names_(shared_names, database) {}

  /// In the order of positions.
  absl::Status Add(uint64_t position, absl::Time received, const TotalsDelta& delta);

  /// Writes what was added since the last time.
  absl::Status Write();

  /// Ids of names in this transaction. Call Committed() of it after the transaction's.
  NameIds::Writer& names() { return names_; }

 private:
  absl::Status RecallBindings(const TotalsDelta& delta);
  absl::Status RecallAwaiting(int64_t node, const NodeBinding& binding);
  absl::Status WriteEdges();
  absl::Status WriteTransport();
  absl::Status WriteCompute();
  absl::Status WriteOverhead();
  absl::Status WriteRuns();
  absl::Status WriteRounds();
  absl::Status WriteNodes();
  absl::Status WriteBindings();
  absl::Status WriteGaps();

  Database* database_;
  NameIds* shared_names_;
  NameIds::Writer names_;
  AccumulatedTotals totals_;
};

}  // namespace fedcarbon::server
