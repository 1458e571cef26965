#include "server/store/describe_totals.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"

namespace fedcarbon::server {
namespace {

std::string Text(const RoundId& round) {
  return absl::StrCat("run '", round.run, "' round ", round.round ? absl::StrCat(*round.round) : "unknown");
}
std::string Text(absl::Time time) { return absl::StrCat(absl::ToUnixMicros(time)); }
std::string Text(absl::Duration duration) { return absl::StrCat(absl::ToInt64Microseconds(duration)); }
std::string Text(const std::optional<absl::Time>& time) { return time ? Text(*time) : "never"; }
std::string Text(const LayerSum& sum) { return absl::StrCat(sum.bytes.count(), "/", sum.transfers); }

// Fields of a row, each behind a space.
template <typename... Fields>
std::string Row(const char* table, const Fields&... fields) {
  std::string row = table;
  (absl::StrAppend(&row, " ", fields), ...);
  return row;
}

std::vector<std::string> Rows(const AccumulatedTotals& totals) {
  std::vector<std::string> rows;
  for (const auto& [k, t] : totals.edges()) {
    rows.push_back(Row("edge", Text(k.round), k.from, "->", k.to, k.reported_by_sender, k.observer,
                       k.answered, k.waste, k.hour, k.epoch, k.binding, ":", t.transfers, t.requests,
                       t.responses, t.messages, Text(t.message), Text(t.encoded), Text(t.header)));
  }
  for (const auto& [k, t] : totals.transport()) {
    rows.push_back(Row("transport", k.from, "->", k.to, k.reported_by_sender, k.hour, ":",
                       t.transport.count(), t.encoded.count()));
  }
  for (const auto& [k, t] : totals.compute()) {
    rows.push_back(Row("compute", Text(k.round), k.node, k.kind, k.hour, ":", t.spans, Text(t.wall),
                       t.wall_is_upper_bound, Text(t.cpu), Text(t.accelerator)));
  }
  for (const auto& [k, t] : totals.overhead()) {
    rows.push_back(Row("overhead", k.node, k.hour, ":", t.report.count(), t.context.count()));
  }
  for (const auto& [id, run] : totals.runs()) {
    rows.push_back(Row("run", id, ":", run.name, run.planned_rounds, Text(run.first_fact),
                       Text(run.last_fact), run.ended.value_or(v1::OUTCOME_UNSPECIFIED), run.first_position,
                       run.last_position));
  }
  for (const auto& [run, node, epoch] : totals.run_starts()) rows.push_back(Row("start", run, node, epoch));
  for (const auto& [key, round] : totals.rounds()) {
    rows.push_back(Row("round", key.first, key.second, ":", Text(round.started), Text(round.ended),
                       round.outcome, round.last_position));
  }
  for (const auto& [name, node] : totals.nodes()) {
    rows.push_back(Row("node", name, ":", node.description.ShortDebugString(), Text(node.first_received),
                       Text(node.last_received),
                       node.clock ? absl::StrCat(Text(node.clock->time), " ", Text(node.clock->offset)) : "",
                       node.batches, node.unsigned_batches, node.unknown_fields));
  }
  for (const auto& [key, round] : totals.bindings()) {
    rows.push_back(Row("binding", key.node, key.epoch, key.key, ":", Text(round)));
  }
  for (const auto& [position, gap] : totals.gaps()) {
    rows.push_back(Row("gap", gap.node, position, ":", gap.gap.reason, Text(gap.gap.from), Text(gap.gap.to),
                       gap.gap.facts, gap.gap.bytes.count(), gap.gap.detail));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

std::vector<std::string> Differences(const AccumulatedTotals& was, const AccumulatedTotals& is) {
  const std::vector<std::string> old_rows = Rows(was);
  const std::vector<std::string> new_rows = Rows(is);
  std::vector<std::string> lost;
  std::vector<std::string> found;
  std::set_difference(old_rows.begin(), old_rows.end(), new_rows.begin(), new_rows.end(),
                      std::back_inserter(lost));
  std::set_difference(new_rows.begin(), new_rows.end(), old_rows.begin(), old_rows.end(),
                      std::back_inserter(found));
  std::vector<std::string> differences;
  for (const std::string& row : lost) differences.push_back(absl::StrCat("was: ", row));
  for (const std::string& row : found) differences.push_back(absl::StrCat("is: ", row));
  return differences;
}

}  // namespace fedcarbon::server
