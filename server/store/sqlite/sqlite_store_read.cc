// What an SqliteStore answers. Each answer is one SELECT, so it is of one moment.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"

namespace fedcarbon::server {
namespace {

// Scan reads this many at a time: at most 4 MiB.
constexpr size_t kScanPage = 64;

// All rows of a statement, each read by `read`.
template <typename Row, typename Read>
absl::StatusOr<std::vector<Row>> ReadAll(Statement* statement, const Read& read) {
  std::vector<Row> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement->Step());
    if (!more) return rows;
    ASSIGN_OR_RETURN(Row row, read(*statement));
    rows.push_back(std::move(row));
  }
}

absl::Time TimeOf(int64_t us) { return absl::FromUnixMicros(us); }
std::optional<absl::Time> TimeOf(const std::optional<int64_t>& us) {
  return us ? std::optional<absl::Time>(TimeOf(*us)) : std::nullopt;
}

// A row of the view run_records.
absl::StatusOr<RunRecord> ReadRun(const Statement& row) {
  RunRecord run;
  run.id = std::string(row.Bytes(0));
  run.name = std::string(row.Bytes(1));
  run.planned_rounds = static_cast<uint64_t>(row.Int(2));
  run.first_fact = TimeOf(row.Int(3));
  run.last_fact = TimeOf(row.Int(4));
  if (const std::optional<int64_t> ended = row.OptionalInt(5)) run.ended = static_cast<v1::Outcome>(*ended);
  run.starts = static_cast<uint64_t>(row.Int(6));
  run.rounds = static_cast<uint64_t>(row.Int(7));
  run.first_position = static_cast<uint64_t>(row.Int(8));
  run.last_position = static_cast<uint64_t>(row.Int(9));
  return run;
}

// The rounds of a range as the tables have them: from -1 to -1 for facts without a round.
std::pair<int64_t, int64_t> StoredRange(RoundRange range, bool unattributed) {
  if (unattributed) return {-1, -1};
  if (range.from > kMaxStored) return {0, -1};  // empty
  return {Stored(range.from), Stored(range.to)};
}

// Rows of a run's rounds by `sql`, in the order of their keys: they come by the ids of their names.
template <typename Row>
absl::StatusOr<std::vector<Row>> ReadRows(Database* database, NameIds* names, absl::string_view sql,
                                          const std::string& run, RoundRange range, bool unattributed,
                                          absl::StatusOr<Row> (*read)(const Statement&, Database*,
                                                                      NameIds*)) {
  ASSIGN_OR_RETURN(const int64_t id, names->Find(database, run));
  const auto [from, to] = StoredRange(range, unattributed);
  Statement list = database->Prepare(sql);
  list.Bind(id, from, to);
  ASSIGN_OR_RETURN(std::vector<Row> rows,
                   ReadAll<Row>(&list, [&](const Statement& row) { return read(row, database, names); }));
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
  return rows;
}

}  // namespace

absl::StatusOr<uint64_t> SqliteStore::Watermark(const std::string& node, uint64_t epoch) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  ASSIGN_OR_RETURN(const int64_t id, names_.Find(database.get(), node));
  Statement find = database->Prepare("SELECT watermark FROM reporters WHERE node = ? AND epoch = ?");
  ASSIGN_OR_RETURN(const bool row, find.Bind(id, epoch).Step());
  return row ? static_cast<uint64_t>(find.Int(0)) : 0;
}

absl::StatusOr<std::vector<RunRecord>> SqliteStore::ListRuns(size_t limit, const std::string& after_id) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  int64_t before = INT64_MAX;
  if (!after_id.empty()) {
    Statement find = database->Prepare("SELECT first_fact FROM run_records WHERE id = ?");
    ASSIGN_OR_RETURN(const bool row, find.Bind(after_id).Step());
    if (!row) return absl::NotFoundError(absl::StrCat("there is no run '", after_id, "'"));
    before = find.Int(0);
  }
  Statement list = database->Prepare(R"(
    SELECT * FROM run_records WHERE first_fact < ?1 OR (first_fact = ?1 AND id > ?2)
    ORDER BY first_fact DESC, id LIMIT ?3)");
  list.Bind(before, after_id, Stored(limit));
  return ReadAll<RunRecord>(&list, ReadRun);
}

absl::StatusOr<std::vector<RunRecord>> SqliteStore::FindRuns(const std::string& text) {
  if (text.empty()) return ListRuns(1, "");
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  for (const char* sql : {"SELECT * FROM run_records WHERE id = ?",
                          "SELECT * FROM run_records WHERE substr(id, 1, length(?1)) = ?1 "
                          "ORDER BY first_fact DESC, id",
                          "SELECT * FROM run_records WHERE name = ? ORDER BY first_fact DESC, id"}) {
    Statement find = database->Prepare(sql);
    find.Bind(text);
    absl::StatusOr<std::vector<RunRecord>> found = ReadAll<RunRecord>(&find, ReadRun);
    if (!found.ok() || !found->empty()) return found;
  }
  return std::vector<RunRecord>();
}

absl::StatusOr<std::vector<RoundRecord>> SqliteStore::ListRounds(const std::string& run, RoundRange range,
                                                                 uint64_t after_position, size_t limit) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  ASSIGN_OR_RETURN(const int64_t id, names_.Find(database.get(), run));
  const auto [from, to] = StoredRange(range, false);
  Statement list = database->Prepare(R"(
    SELECT round, started, ended, outcome, last_position FROM rounds
    WHERE run = ? AND round BETWEEN ? AND ? AND last_position > ? ORDER BY round LIMIT ?)");
  list.Bind(id, from, to, Stored(after_position), Stored(limit));
  return ReadAll<RoundRecord>(&list, [](const Statement& row) -> absl::StatusOr<RoundRecord> {
    return RoundRecord{static_cast<uint64_t>(row.Int(0)), TimeOf(row.OptionalInt(1)),
                       TimeOf(row.OptionalInt(2)), static_cast<v1::Outcome>(row.Int(3)),
                       static_cast<uint64_t>(row.Int(4))};
  });
}

absl::StatusOr<std::vector<EdgeRow>> SqliteStore::Edges(const std::string& run, RoundRange range,
                                                        bool unattributed) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  return ReadRows<EdgeRow>(database.get(), &names_,
                           "SELECT * FROM edges WHERE run = ? AND round BETWEEN ? AND ?", run, range,
                           unattributed, ReadEdge);
}

absl::StatusOr<std::vector<ComputeRow>> SqliteStore::Compute(const std::string& run, RoundRange range,
                                                             bool unattributed) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  return ReadRows<ComputeRow>(database.get(), &names_,
                              "SELECT * FROM compute WHERE run = ? AND round BETWEEN ? AND ?", run, range,
                              unattributed, ReadCompute);
}

absl::StatusOr<std::vector<std::pair<TransportKey, TransportTotals>>> SqliteStore::ListTransport(Hour from,
                                                                                                 Hour to) {
  using Row = std::pair<TransportKey, TransportTotals>;
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  Statement list = database->Prepare(R"(
    SELECT from_names.name, to_names.name, reported_by_sender, hour, transport, encoded FROM transport
    JOIN names AS from_names ON from_names.id = from_node JOIN names AS to_names ON to_names.id = to_node
    WHERE hour BETWEEN ? AND ? ORDER BY from_names.name, to_names.name, reported_by_sender, hour)");
  list.Bind(from, to);
  return ReadAll<Row>(&list, [](const Statement& row) -> absl::StatusOr<Row> {
    return Row{{std::string(row.Bytes(0)), std::string(row.Bytes(1)), row.Int(2) != 0, row.Int(3)},
               {Bytes(static_cast<uint64_t>(row.Int(4))), Bytes(static_cast<uint64_t>(row.Int(5)))}};
  });
}

absl::StatusOr<std::vector<std::pair<OverheadKey, OverheadTotals>>> SqliteStore::ListOverhead(Hour from,
                                                                                              Hour to) {
  using Row = std::pair<OverheadKey, OverheadTotals>;
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  Statement list = database->Prepare(R"(
    SELECT names.name, hour, report, context FROM overhead JOIN names ON names.id = node
    WHERE hour BETWEEN ? AND ? ORDER BY names.name, hour)");
  list.Bind(from, to);
  return ReadAll<Row>(&list, [](const Statement& row) -> absl::StatusOr<Row> {
    return Row{{std::string(row.Bytes(0)), row.Int(1)},
               {Bytes(static_cast<uint64_t>(row.Int(2))), Bytes(static_cast<uint64_t>(row.Int(3)))}};
  });
}

absl::StatusOr<std::vector<NodeRecord>> SqliteStore::ListNodes() {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  Statement list = database->Prepare(R"(
    SELECT names.name, description, first_received, last_received, clock_time, clock_offset,
           clock_round_trip, batches, unsigned_batches, unknown_fields
    FROM nodes JOIN names ON names.id = node ORDER BY names.name)");
  return ReadAll<NodeRecord>(&list, [&](const Statement& row) -> absl::StatusOr<NodeRecord> {
    NodeRecord node;
    node.node = std::string(row.Bytes(0));
    const std::string_view description = row.Bytes(1);
    if (!node.description.ParseFromArray(description.data(), static_cast<int>(description.size()))) {
      return absl::DataLossError(absl::StrCat("'", path_, "': the description of node '", node.node,
                                              "' is unreadable: run `fedcarbon-coordinator rebuild`"));
    }
    node.first_received = TimeOf(row.Int(2));
    node.last_received = TimeOf(row.Int(3));
    if (const std::optional<int64_t> time = row.OptionalInt(4)) {
      node.clock =
          ClockReading{TimeOf(*time), absl::Microseconds(row.Int(5)), absl::Microseconds(row.Int(6))};
    }
    node.batches = static_cast<uint64_t>(row.Int(7));
    node.unsigned_batches = static_cast<uint64_t>(row.Int(8));
    node.unknown_fields = static_cast<uint64_t>(row.Int(9));
    return node;
  });
}

absl::StatusOr<std::vector<NodeGap>> SqliteStore::ListGaps(absl::Time from, absl::Time to) {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  Statement list = database->Prepare(R"(
    SELECT names.name, reason, from_time, to_time, facts, bytes, detail
    FROM gaps JOIN names ON names.id = node WHERE to_time >= ? AND from_time <= ?
    ORDER BY from_time, names.name, reason, to_time)");
  list.Bind(Stored(from), Stored(to));
  return ReadAll<NodeGap>(&list, [](const Statement& row) -> absl::StatusOr<NodeGap> {
    NodeGap gap;
    gap.node = std::string(row.Bytes(0));
    gap.gap.reason = static_cast<v1::Gap::Reason>(row.Int(1));
    gap.gap.from = TimeOf(row.Int(2));
    gap.gap.to = TimeOf(row.Int(3));
    gap.gap.facts = static_cast<uint64_t>(row.Int(4));
    gap.gap.bytes = Bytes(static_cast<uint64_t>(row.Int(5)));
    gap.gap.detail = std::string(row.Bytes(6));
    return gap;
  });
}

absl::StatusOr<std::vector<StoredBatch>> ReadBatches(Database* database, NameIds* names, uint64_t from,
                                                     uint64_t to, size_t limit) {
  Statement list = database->Prepare(R"(
    SELECT position, node, epoch, sequence, received, sealed FROM batches
    WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?)");
  list.Bind(Stored(from), Stored(to), Stored(limit));
  return ReadAll<StoredBatch>(&list, [&](const Statement& row) -> absl::StatusOr<StoredBatch> {
    ASSIGN_OR_RETURN(std::string node, names->Name(database, row.Int(1)));
    return StoredBatch{
        static_cast<uint64_t>(row.Int(0)),
        {std::move(node), static_cast<uint64_t>(row.Int(2)), static_cast<uint64_t>(row.Int(3))},
        TimeOf(row.Int(4)),
        std::string(row.Bytes(5))};
  });
}

absl::Status SqliteStore::Scan(uint64_t from, uint64_t to,
                               const std::function<bool(const StoredBatch&)>& visit) {
  for (uint64_t next = from; next <= std::min(to, kMaxStored);) {
    absl::StatusOr<std::vector<StoredBatch>> page;
    {
      ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
      page = ReadBatches(database.get(), &names_, next, to, kScanPage);
    }
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    for (const StoredBatch& batch : *page) {
      if (!visit(batch)) return absl::OkStatus();
    }
    next = page->back().position + 1;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SqliteStore::LastPosition() {
  ASSIGN_OR_RETURN(const ConnectionPool::Lease database, readers_.Take());
  Statement last = database->Prepare("SELECT coalesce(max(position), 0) FROM batches");
  RETURN_IF_ERROR(last.Step().status());
  return static_cast<uint64_t>(last.Int(0));
}

}  // namespace fedcarbon::server
