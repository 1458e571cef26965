// How values stand in the tables, for those who write and those who read them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/sqlite/database.h"
#include "server/store/sqlite/name_ids.h"
#include "server/store/store.h"

namespace fedcarbon::server {

/// A count or a number of bytes: stays at the greatest integer of the database.
inline int64_t Stored(uint64_t count) { return static_cast<int64_t>(std::min(count, kMaxStored)); }
inline int64_t Stored(Bytes bytes) { return Stored(bytes.count()); }
inline int64_t Stored(absl::Time time) { return absl::ToUnixMicros(time); }
inline int64_t Stored(absl::Duration duration) { return absl::ToInt64Microseconds(duration); }
inline std::optional<int64_t> Stored(const std::optional<absl::Time>& time) {
  return time ? std::optional<int64_t>(Stored(*time)) : std::nullopt;
}
/// -1: unknown.
inline int64_t StoredRound(const RoundId& round) { return round.round ? Stored(*round.round) : -1; }

/// Rows of `SELECT * FROM edges`, and of the others.
absl::StatusOr<EdgeRow> ReadEdge(const Statement& row, Database* database, NameIds* names);
absl::StatusOr<ComputeRow> ReadCompute(const Statement& row, Database* database, NameIds* names);
/// (run, round) in the two columns from `column` on.
absl::StatusOr<RoundId> ReadRoundId(const Statement& row, int column, Database* database, NameIds* names);

}  // namespace fedcarbon::server
