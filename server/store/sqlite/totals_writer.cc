#include "server/store/sqlite/totals_writer.h"

#include <array>
#include <vector>

#include "fedcarbon/status/status.h"
#include "server/store/sqlite/rows.h"

namespace fedcarbon::server {
namespace {

// Ids of several names, in their order.
template <size_t n>
absl::StatusOr<std::array<int64_t, n>> Ids(NameIds::Writer* names,
                                           const std::array<const std::string*, n>& of) {
  std::array<int64_t, n> ids;
  for (size_t i = 0; i < n; ++i) {
    ASSIGN_OR_RETURN(ids[i], names->Id(*of[i]));
  }
  return ids;
}

}  // namespace

absl::Status TotalsWriter::Add(uint64_t position, absl::Time received, const TotalsDelta& delta) {
  RETURN_IF_ERROR(RecallBindings(delta));
  totals_.Add(position, received, delta);
  return absl::OkStatus();
}

absl::Status TotalsWriter::RecallBindings(const TotalsDelta& delta) {
  ASSIGN_OR_RETURN(const int64_t node, names_.Id(delta.node));
  for (const NodeBinding& binding : delta.bindings) {
    RETURN_IF_ERROR(RecallAwaiting(node, binding));
  }
  Statement bound =
      database_->Prepare("SELECT run, round FROM bindings WHERE node = ? AND epoch = ? AND key = ?");
  for (const auto& [edge, totals] : delta.edges) {
    if (edge.binding == 0) continue;
    ASSIGN_OR_RETURN(const bool row, bound.Restart().Bind(node, edge.epoch, edge.binding).Step());
    if (!row) continue;
    ASSIGN_OR_RETURN(const RoundId round, ReadRoundId(bound, 0, database_, shared_names_));
    totals_.RecallBinding({delta.node, edge.epoch, edge.binding}, round);
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::RecallAwaiting(int64_t node, const NodeBinding& binding) {
  Statement awaiting = database_->Prepare(
      "SELECT * FROM edges WHERE epoch = ? AND binding = ? AND binding <> 0 "
      "AND iif(reported_by_sender, from_node, to_node) = ?");
  awaiting.Bind(binding.epoch, binding.binding.key, node);
  std::vector<EdgeRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, awaiting.Step());
    if (!more) break;
    ASSIGN_OR_RETURN(EdgeRow row, ReadEdge(awaiting, database_, shared_names_));
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return absl::OkStatus();
  for (const EdgeRow& row : rows) totals_.RecallEdge(row.key, row.totals);
  return database_
      ->Prepare(
          "DELETE FROM edges WHERE epoch = ? AND binding = ? AND binding <> 0 "
          "AND iif(reported_by_sender, from_node, to_node) = ?")
      .Bind(binding.epoch, binding.binding.key, node)
      .Run();
}

absl::Status TotalsWriter::Write() {
  for (const auto write :
       {&TotalsWriter::WriteEdges, &TotalsWriter::WriteTransport, &TotalsWriter::WriteCompute,
        &TotalsWriter::WriteOverhead, &TotalsWriter::WriteRuns, &TotalsWriter::WriteRounds,
        &TotalsWriter::WriteNodes, &TotalsWriter::WriteBindings, &TotalsWriter::WriteGaps}) {
    RETURN_IF_ERROR((this->*write)());
  }
  totals_ = AccumulatedTotals();
  return absl::OkStatus();
}

// A sum beyond the greatest integer would become a floating-point number: min() keeps it there.
absl::Status TotalsWriter::WriteEdges() {
  Statement upsert = database_->Prepare(R"(
    INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      transfers = min(transfers + excluded.transfers, 9223372036854775807),
      requests = min(requests + excluded.requests, 9223372036854775807),
      responses = min(responses + excluded.responses, 9223372036854775807),
      messages = min(messages + excluded.messages, 9223372036854775807),
      message_transfers = min(message_transfers + excluded.message_transfers, 9223372036854775807),
      message_bytes = min(message_bytes + excluded.message_bytes, 9223372036854775807),
      encoded_transfers = min(encoded_transfers + excluded.encoded_transfers, 9223372036854775807),
      encoded_bytes = min(encoded_bytes + excluded.encoded_bytes, 9223372036854775807),
      header_transfers = min(header_transfers + excluded.header_transfers, 9223372036854775807),
      header_bytes = min(header_bytes + excluded.header_bytes, 9223372036854775807))");
  for (const auto& [k, t] : totals_.edges()) {
    ASSIGN_OR_RETURN(const auto ids, Ids<3>(&names_, {&k.round.run, &k.from, &k.to}));
    const auto [run, from, to] = ids;
    RETURN_IF_ERROR(upsert
                        .Bind(run, StoredRound(k.round), from, to, k.reported_by_sender, k.observer,
                              k.answered, k.waste, k.hour, k.epoch, k.binding, Stored(t.transfers),
                              Stored(t.requests), Stored(t.responses), Stored(t.messages),
                              Stored(t.message.transfers), Stored(t.message.bytes),
                              Stored(t.encoded.transfers), Stored(t.encoded.bytes),
                              Stored(t.header.transfers), Stored(t.header.bytes))
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteTransport() {
  Statement upsert = database_->Prepare(R"(
    INSERT INTO transport VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET transport = min(transport + excluded.transport, 9223372036854775807),
                              encoded = min(encoded + excluded.encoded, 9223372036854775807))");
  for (const auto& [key, totals] : totals_.transport()) {
    ASSIGN_OR_RETURN(const auto ids, Ids<2>(&names_, {&key.from, &key.to}));
    const auto [from, to] = ids;
    RETURN_IF_ERROR(upsert
                        .Bind(from, to, key.reported_by_sender, key.hour, Stored(totals.transport),
                              Stored(totals.encoded))
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteCompute() {
  Statement upsert = database_->Prepare(R"(
    INSERT INTO compute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      spans = min(spans + excluded.spans, 9223372036854775807),
      wall = min(wall + excluded.wall, 9223372036854775807),
      wall_is_upper_bound = max(wall_is_upper_bound, excluded.wall_is_upper_bound),
      cpu = min(cpu + excluded.cpu, 9223372036854775807),
      accelerator = min(accelerator + excluded.accelerator, 9223372036854775807))");
  for (const auto& [k, t] : totals_.compute()) {
    ASSIGN_OR_RETURN(const auto ids, Ids<2>(&names_, {&k.round.run, &k.node}));
    const auto [run, node] = ids;
    RETURN_IF_ERROR(upsert
                        .Bind(run, StoredRound(k.round), node, k.kind, k.hour, Stored(t.spans),
                              Stored(t.wall), t.wall_is_upper_bound, Stored(t.cpu), Stored(t.accelerator))
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteOverhead() {
  Statement upsert = database_->Prepare(R"(
    INSERT INTO overhead VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET report = min(report + excluded.report, 9223372036854775807),
                              context = min(context + excluded.context, 9223372036854775807))");
  for (const auto& [key, totals] : totals_.overhead()) {
    ASSIGN_OR_RETURN(const int64_t node, names_.Id(key.node));
    RETURN_IF_ERROR(upsert.Bind(node, key.hour, Stored(totals.report), Stored(totals.context)).Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteRuns() {
  Statement upsert = database_->Prepare(R"(
    INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      name = iif(excluded.name <> '', excluded.name, name),
      planned_rounds = iif(excluded.planned_rounds <> 0, excluded.planned_rounds, planned_rounds),
      first_fact = min(first_fact, excluded.first_fact), last_fact = max(last_fact, excluded.last_fact),
      ended = coalesce(excluded.ended, ended), last_position = excluded.last_position)");
  for (const auto& [id, record] : totals_.runs()) {
    ASSIGN_OR_RETURN(const int64_t run, names_.Id(id));
    const std::optional<int64_t> ended = record.ended ? std::optional<int64_t>(*record.ended) : std::nullopt;
    RETURN_IF_ERROR(upsert
                        .Bind(run, record.name, Stored(record.planned_rounds), Stored(record.first_fact),
                              Stored(record.last_fact), ended, record.first_position, record.last_position)
                        .Run());
  }
  Statement start = database_->Prepare("INSERT INTO run_starts VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  for (const auto& [run_name, node_name, epoch] : totals_.run_starts()) {
    ASSIGN_OR_RETURN(const auto ids, Ids<2>(&names_, {&run_name, &node_name}));
    const auto [run, node] = ids;
    RETURN_IF_ERROR(start.Bind(run, node, epoch).Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteRounds() {
  Statement upsert = database_->Prepare(R"(
    INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      started = coalesce(min(started, excluded.started), started, excluded.started),
      ended = coalesce(max(ended, excluded.ended), ended, excluded.ended),
      outcome = iif(excluded.outcome <> 0, excluded.outcome, outcome),
      last_position = excluded.last_position)");
  for (const auto& [key, record] : totals_.rounds()) {
    ASSIGN_OR_RETURN(const int64_t run, names_.Id(key.first));
    RETURN_IF_ERROR(upsert
                        .Bind(run, Stored(record.round), Stored(record.started), Stored(record.ended),
                              record.outcome, record.last_position)
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteNodes() {
  Statement upsert = database_->Prepare(R"(
    INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      description = iif(length(excluded.description) > 0, excluded.description, description),
      first_received = min(first_received, excluded.first_received),
      last_received = max(last_received, excluded.last_received),
      clock_time = coalesce(excluded.clock_time, clock_time),
      clock_offset = coalesce(excluded.clock_offset, clock_offset),
      clock_round_trip = coalesce(excluded.clock_round_trip, clock_round_trip),
      batches = batches + excluded.batches, unsigned_batches = unsigned_batches + excluded.unsigned_batches,
      unknown_fields = min(unknown_fields + excluded.unknown_fields, 9223372036854775807))");
  for (const auto& [name, record] : totals_.nodes()) {
    ASSIGN_OR_RETURN(const int64_t node, names_.Id(name));
    const std::string description = record.description.SerializeAsString();
    std::optional<int64_t> time, offset, round_trip;
    if (record.clock) {
      time = Stored(record.clock->time);
      offset = Stored(record.clock->offset);
      round_trip = Stored(record.clock->round_trip);
    }
    RETURN_IF_ERROR(upsert
                        .Bind(node, Blob{description}, Stored(record.first_received),
                              Stored(record.last_received), time, offset, round_trip, record.batches,
                              record.unsigned_batches, Stored(record.unknown_fields))
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteBindings() {
  Statement upsert = database_->Prepare("INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?, ?)");
  for (const auto& [key, round] : totals_.bindings()) {
    ASSIGN_OR_RETURN(const auto ids, Ids<2>(&names_, {&key.node, &round.run}));
    const auto [node, run] = ids;
    RETURN_IF_ERROR(upsert.Bind(node, key.epoch, key.key, run, StoredRound(round)).Run());
  }
  return absl::OkStatus();
}

absl::Status TotalsWriter::WriteGaps() {
  Statement insert = database_->Prepare("INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& [position, gap] : totals_.gaps()) {
    ASSIGN_OR_RETURN(const int64_t node, names_.Id(gap.node));
    RETURN_IF_ERROR(insert
                        .Bind(position, node, gap.gap.reason, Stored(gap.gap.from), Stored(gap.gap.to),
                              Stored(gap.gap.facts), Stored(gap.gap.bytes), gap.gap.detail)
                        .Run());
  }
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
