#include "server/query/query_context.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

constexpr size_t kRunsToName = 10;

std::string NameRuns(const std::vector<RunRecord>& runs) {
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(runs.size(), kRunsToName); ++i) {
    names.push_back(runs[i].name.empty() ? runs[i].id : absl::StrCat(runs[i].id, " (", runs[i].name, ")"));
  }
  if (runs.size() > kRunsToName) names.push_back("...");
  return absl::StrJoin(names, ", ");
}

v1::Run::State StateOf(const RunRecord& record, absl::Time now) {
  if (!record.ended)
    return now - record.last_fact >= kSilentAfter ? v1::Run::STATE_SILENT : v1::Run::STATE_RUNNING;
  switch (*record.ended) {
    case v1::OUTCOME_COMPLETED:
      return v1::Run::STATE_COMPLETED;
    case v1::OUTCOME_FAILED:
      return v1::Run::STATE_FAILED;
    case v1::OUTCOME_ABANDONED:
      return v1::Run::STATE_ABANDONED;
    default:
      return v1::Run::STATE_RUNNING;
  }
}

bool Overlaps(const Gap& gap, const RoundRecord& round) {
  return (!round.ended || gap.from <= *round.ended) && (!round.started || gap.to >= *round.started);
}

/// Until when a gap may hide facts of the run: its last ones may be those that were lost. So without end
/// while the run has none, and else until its last batch was here.
absl::StatusOr<absl::Time> GapsUntil(Store* store, const RunRecord& record) {
  if (!record.ended) return absl::InfiniteFuture();
  absl::Time until = record.last_fact;
  const absl::Status read =
      store->Scan(record.last_position, record.last_position, [&](const StoredBatch& batch) {
        until = std::max(until, batch.received);
        return false;
      });
  RETURN_IF_ERROR(read);
  return until;
}

int64_t MicrosOrZero(const std::optional<absl::Time>& time) { return time ? absl::ToUnixMicros(*time) : 0; }

/// "a", "a and b", or "a, b and 3 more".
std::string Some(const std::vector<std::string>& names) {
  if (names.size() == 1) return names[0];
  if (names.size() == 2) return absl::StrCat(names[0], " and ", names[1]);
  return absl::StrCat(names[0], ", ", names[1], " and ", names.size() - 2, " more");
}

}  // namespace

absl::StatusOr<RunRecord> FindRun(Store* store, const std::string& text) {
  ASSIGN_OR_RETURN(std::vector<RunRecord> found, store->FindRuns(text));
  if (found.size() == 1) return std::move(found.front());
  if (found.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' may mean ", found.size(),
                                                   " runs: ", NameRuns(found), "; give more of the id"));
  }
  ASSIGN_OR_RETURN(const std::vector<RunRecord> all, store->ListRuns(kRunsToName + 1, ""));
  if (all.empty()) return absl::NotFoundError("no run has reported yet");
  return absl::NotFoundError(absl::StrCat("there is no run '", text, "'; there are: ", NameRuns(all)));
}

v1::Run DescribeRun(const RunRecord& record, absl::Time now) {
  v1::Run run;
  run.set_id(record.id);
  run.set_name(record.name);
  run.set_planned_rounds(record.planned_rounds);
  run.set_state(StateOf(record, now));
  run.set_started_us(absl::ToUnixMicros(record.first_fact));
  run.set_last_fact_us(absl::ToUnixMicros(record.last_fact));
  run.set_rounds(record.rounds);
  run.set_opened_twice(record.starts > 1);
  run.set_version(record.last_position);
  return run;
}

QueryContext::QueryContext(std::shared_ptr<const CountedRun> run, NodeRecords nodes, Pricing pricing)
    : run_(std::move(run)),
      nodes_(std::move(nodes)),
      pricing_(std::move(pricing)),
      pricer_(&pricing_, run_->names, nodes_) {}

absl::StatusOr<std::unique_ptr<QueryContext>> QueryContext::Create(Store* store, RunCache* runs,
                                                                   const RunRecord& record,
                                                                   std::shared_ptr<const FactorSet> factors,
                                                                   const v1::Method& method) {
  ASSIGN_OR_RETURN(auto run, runs->Get(record));
  ASSIGN_OR_RETURN(auto records, store->ListNodes());
  NodeRecords nodes;
  for (NodeRecord& node : records) nodes.emplace(node.node, node);
  const int year = static_cast<int>(absl::ToCivilYear(record.first_fact, absl::UTCTimeZone()).year());
  ASSIGN_OR_RETURN(Pricing pricing, Pricing::Create(std::move(factors), method, year));
  std::unique_ptr<QueryContext> context(
      new QueryContext(std::move(run), std::move(nodes), std::move(pricing)));
  RETURN_IF_ERROR(context->ReadGaps(store));
  return context;
}

absl::Status QueryContext::ReadGaps(Store* store) {
  gaps_of_nodes_.resize(run_->names.nodes().size());
  ASSIGN_OR_RETURN(const absl::Time until, GapsUntil(store, run_->record));
  ASSIGN_OR_RETURN(auto gaps, store->ListGaps(run_->record.first_fact, until));
  // Servers are switched off when all is done. Many runs have no end, and would have these gaps for ever.
  const absl::Time silent = run_->record.last_fact + kSilentAfter;
  for (NodeGap& gap : gaps) {
    const auto node = run_->names.FindNode(gap.node);
    if (!node) continue;
    if (gap.gap.reason == v1::Gap::REASON_UNREACHABLE && gap.gap.from > silent) continue;
    gaps_of_nodes_[*node] = true;
    gaps_.push_back(std::move(gap));
  }
  return absl::OkStatus();
}

bool QueryContext::HasGap(uint32_t node, const RoundRecord& round) const {
  const std::string& name = run_->names.nodes()[node];
  return std::any_of(gaps_.begin(), gaps_.end(),
                     [&](const NodeGap& gap) { return gap.node == name && Overlaps(gap.gap, round); });
}

bool QueryContext::HasGap(const RoundRecord& round) const {
  return std::any_of(gaps_.begin(), gaps_.end(),
                     [&](const NodeGap& gap) { return Overlaps(gap.gap, round); });
}

std::vector<v1::GapEntry> QueryContext::Gaps(const std::string& node) const {
  std::vector<v1::GapEntry> entries;
  for (const NodeGap& gap : gaps_) {
    if (!node.empty() && gap.node != node) continue;
    v1::GapEntry entry;
    entry.set_node(gap.node);
    entry.set_from_us(absl::ToUnixMicros(gap.gap.from));
    entry.set_to_us(absl::ToUnixMicros(gap.gap.to));
    entry.mutable_gap()->set_reason(gap.gap.reason);
    entry.mutable_gap()->set_facts(gap.gap.facts);
    entry.mutable_gap()->set_bytes(gap.gap.bytes.count());
    entry.mutable_gap()->set_detail(gap.gap.detail);
    entries.push_back(std::move(entry));
  }
  return entries;
}

v1::RoundSummary QueryContext::Summarize(const RoundRecord& round, v1::Footprint footprint) const {
  v1::RoundSummary summary;
  summary.set_round(round.round);
  *summary.mutable_footprint() = std::move(footprint);
  summary.set_started_us(MicrosOrZero(round.started));
  summary.set_ended_us(MicrosOrZero(round.ended));
  summary.set_outcome(round.outcome);
  return summary;
}

std::vector<std::string> QueryContext::Warnings() const {
  std::vector<std::string> warnings = pricing_.Warnings();
  if (run_->record.starts > 1) {
    warnings.push_back(
        absl::StrCat("the run was opened ", run_->record.starts, " times, from different processes"));
  }
  if (!gaps_.empty()) warnings.push_back("not all was metered (see gaps): totals are lower bounds");
  const RunNames& names = run_->names;
  std::vector<std::string> silent;
  std::vector<std::string> unsigned_nodes;
  for (uint32_t node = 0; node < names.nodes().size(); ++node) {
    const std::string& name = names.nodes()[node];
    if (pricer_.Silent(node)) silent.push_back(name);
    const auto record = nodes_.find(name);
    if (record == nodes_.end()) continue;
    if (record->second.unsigned_batches > 0) unsigned_nodes.push_back(name);
    if (record->second.clock && absl::AbsDuration(record->second.clock->offset) > kMaxClockOffset) {
      warnings.push_back(
          absl::StrCat("the clock of ", name, " is off by ",
                       absl::FormatDuration(-absl::Trunc(record->second.clock->offset, absl::Seconds(1))),
                       ": its times are as it gave them"));
    }
  }
  if (!silent.empty()) {
    warnings.push_back(absl::StrCat(Some(silent), " reported nothing: computation there is unknown"));
  }
  if (!unsigned_nodes.empty()) warnings.push_back(absl::StrCat("unsigned batches: ", Some(unsigned_nodes)));
  for (const auto& [number, count] : run_->whole.edges) {
    if (!count.disagreement || count.disagreement->count() == 0) continue;
    const RunNames::EdgeEnds edge = names.edges()[number];
    warnings.push_back(absl::StrCat("the ends of ", names.nodes()[edge.from], " -> ", names.nodes()[edge.to],
                                    " disagree by ", count.disagreement->count(),
                                    " B; the larger sum counts"));
  }
  return warnings;
}

std::vector<v1::Factor> QueryContext::Factors() const {
  std::vector<v1::Factor> factors;
  for (const Factor& factor : pricing_.Factors()) factors.push_back(ToProto(factor));
  return factors;
}

}  // namespace fedcarbon::server
