#include "server/store/sqlite/rows.h"

#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

uint64_t Count(const Statement& row, int column) { return static_cast<uint64_t>(row.Int(column)); }

// (transfers, bytes) in the two columns from `column` on.
LayerSum ReadLayer(const Statement& row, int column) {
  return {Count(row, column), Bytes(Count(row, column + 1))};
}

}  // namespace

absl::StatusOr<RoundId> ReadRoundId(const Statement& row, int column, Database* database, NameIds* names) {
  ASSIGN_OR_RETURN(std::string run, names->Name(database, row.Int(column)));
  RoundId round{std::move(run), std::nullopt};
  if (row.Int(column + 1) >= 0) round.round = Count(row, column + 1);
  return round;
}

absl::StatusOr<EdgeRow> ReadEdge(const Statement& row, Database* database, NameIds* names) {
  ASSIGN_OR_RETURN(RoundId round, ReadRoundId(row, 0, database, names));
  ASSIGN_OR_RETURN(std::string from, names->Name(database, row.Int(2)));
  ASSIGN_OR_RETURN(std::string to, names->Name(database, row.Int(3)));
  EdgeRow edge;
  edge.key.round = std::move(round);
  edge.key.from = std::move(from);
  edge.key.to = std::move(to);
  edge.key.reported_by_sender = row.Int(4) != 0;
  edge.key.observer = static_cast<v1::Observer>(row.Int(5));
  edge.key.answered = row.Int(6) != 0;
  edge.key.waste = static_cast<v1::Waste>(row.Int(7));
  edge.key.hour = row.Int(8);
  edge.key.epoch = Count(row, 9);
  edge.key.binding = Count(row, 10);
  edge.totals.transfers = Count(row, 11);
  edge.totals.requests = Count(row, 12);
  edge.totals.responses = Count(row, 13);
  edge.totals.messages = Count(row, 14);
  edge.totals.message = ReadLayer(row, 15);
  edge.totals.encoded = ReadLayer(row, 17);
  edge.totals.header = ReadLayer(row, 19);
  return edge;
}

absl::StatusOr<ComputeRow> ReadCompute(const Statement& row, Database* database, NameIds* names) {
  ASSIGN_OR_RETURN(RoundId round, ReadRoundId(row, 0, database, names));
  ASSIGN_OR_RETURN(std::string node, names->Name(database, row.Int(2)));
  ComputeRow compute;
  compute.key = {std::move(round), std::move(node), static_cast<v1::SpanKind>(row.Int(3)), row.Int(4)};
  compute.totals.spans = Count(row, 5);
  compute.totals.wall = absl::Microseconds(row.Int(6));
  compute.totals.wall_is_upper_bound = row.Int(7) != 0;
  compute.totals.cpu = absl::Microseconds(row.Int(8));
  compute.totals.accelerator = absl::Microseconds(row.Int(9));
  return compute;
}

}  // namespace fedcarbon::server
