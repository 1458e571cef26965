#include "server/query/counted_run.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "fedcarbon/status/check.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

/// Rounds that one query of the store covers: bounds the rows in flight.
constexpr uint64_t kRoundsPerRead = 64;
constexpr size_t kRecordsPerRead = 1000;

std::vector<ComputeCell> MergeCompute(std::vector<ComputeCell> cells) {
  const auto key = [](const ComputeCell& cell) { return std::tie(cell.node, cell.kind); };
  std::sort(cells.begin(), cells.end(),
            [&](const ComputeCell& a, const ComputeCell& b) { return key(a) < key(b); });
  std::vector<ComputeCell> merged;
  for (const ComputeCell& cell : cells) {
    if (!merged.empty() && key(merged.back()) == key(cell)) {
      merged.back().totals += cell.totals;
      merged.back().cpu_is_lower_bound |= cell.cpu_is_lower_bound;
    } else {
      merged.push_back(cell);
    }
  }
  return merged;
}

template <typename T>
void Append(const std::vector<T>& more, std::vector<T>* all) {
  all->insert(all->end(), more.begin(), more.end());
}

void Append(const Cells& more, Cells* all) {
  Append(more.observations, &all->observations);
  Append(more.compute, &all->compute);
}

Cells Merge(Cells cells) {
  return {MergeObservations(std::move(cells.observations)), MergeCompute(std::move(cells.compute))};
}

/// Sums what was counted in several scopes.
class CountedSum {
 public:
  void Add(const Counted& counted) {
    for (const auto& [edge, count] : counted.edges) edges_[edge] += count;
    Append(counted.compute, &compute_);
  }
  Counted Take() { return {{edges_.begin(), edges_.end()}, MergeCompute(std::move(compute_))}; }

 private:
  std::map<uint32_t, CountedEdge> edges_;
  std::vector<ComputeCell> compute_;
};

std::shared_ptr<const CountedRun::Block> SumBlock(CountedRun::Block block, const TransportShares& transport) {
  Cells all;
  CountedSum counted;
  for (const auto& [number, round] : block.rounds) {
    Append(round->cells, &all);
    counted.Add(CountEdges(round->cells, transport));
  }
  block.cells = Merge(std::move(all));
  block.counted = counted.Take();
  return std::make_shared<const CountedRun::Block>(std::move(block));
}

/// Counts the whole of each edge, and what of it lies outside the rounds.
void CountWhole(CountedRun* run) {
  const std::map<uint32_t, CountedEdge> rounds(run->in_rounds.edges.begin(), run->in_rounds.edges.end());
  for (const auto& [edge, whole] : CountEdges(run->recorded, run->transport).edges) {
    const auto found = rounds.find(edge);
    const CountedEdge held = found == rounds.end() ? CountedEdge() : found->second;
    const CountedEdge rest = Unattributed(whole, held);
    run->unattributed.edges.emplace_back(edge, rest);
    CountedEdge sum = held;
    sum += rest;
    FEDCARBON_CHECK(sum.counted == std::max(whole.counted, held.counted));
    FEDCARBON_CHECK(sum.message == std::max(whole.message, held.message));
    sum.disagreement = whole.disagreement;
    sum.cross_check = whole.cross_check;
    run->whole.edges.emplace_back(edge, sum);
  }
}

absl::StatusOr<std::vector<RoundRecord>> ChangedRounds(Store* store, const std::string& run,
                                                       uint64_t after_position) {
  std::vector<RoundRecord> changed;
  RoundRange range;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<RoundRecord> page,
                     store->ListRounds(run, range, after_position, kRecordsPerRead));
    Append(page, &changed);
    if (page.size() < kRecordsPerRead || changed.back().round == UINT64_MAX) return changed;
    range.from = changed.back().round + 1;
  }
}

/// Reads `changed` into new rounds: those that follow each other with one query.
absl::Status ReadRounds(Store* store, const std::vector<RoundRecord>& changed, RunNames* names,
                        std::map<uint64_t, std::shared_ptr<const CountedRun::Round>>* rounds,
                        const std::string& run) {
  for (size_t begin = 0, end = 0; begin < changed.size(); begin = end) {
    for (end = begin + 1; end < changed.size() && end - begin < kRoundsPerRead; ++end) {
      if (changed[end].round != changed[end - 1].round + 1) break;
    }
    const RoundRange range{changed[begin].round, changed[end - 1].round};
    ASSIGN_OR_RETURN(const auto edges, store->Edges(run, range, false));
    ASSIGN_OR_RETURN(const auto compute, store->Compute(run, range, false));
    std::map<uint64_t, std::pair<std::vector<EdgeRow>, std::vector<ComputeRow>>> rows;
    for (const EdgeRow& row : edges) rows[*row.key.round.round].first.push_back(row);
    for (const ComputeRow& row : compute) rows[*row.key.round.round].second.push_back(row);
    for (size_t i = begin; i < end; ++i) {
      const auto& [round_edges, round_compute] = rows[changed[i].round];
      (*rounds)[changed[i].round] = std::make_shared<const CountedRun::Round>(
          CountedRun::Round{changed[i], ToCells(round_edges, round_compute, names)});
    }
  }
  return absl::OkStatus();
}

/// What the run's connections carried in its hours.
absl::StatusOr<TransportShares> ReadTransport(Store* store, const RunRecord& record, const RunNames& names) {
  ASSIGN_OR_RETURN(const auto rows,
                   store->ListTransport(HourOf(record.first_fact), HourOf(record.last_fact)));
  TransportShares transport;
  for (const auto& [key, totals] : rows) {
    const std::optional<uint32_t> edge = names.FindEdge(key.from, key.to);
    if (edge) transport.Add(*edge, key.reported_by_sender, key.hour, totals);
  }
  return transport;
}

/// Whether an observation of the block has another share of its connections than before.
bool SharesDiffer(const CountedRun::Block& block, const TransportShares& before, const TransportShares& now) {
  return std::any_of(block.cells.observations.begin(), block.cells.observations.end(),
                     [&](const EdgeObservation& observation) {
                       return observation.observer == v1::OBSERVER_PROXY &&
                              !now.SharesAs(before, observation.edge, observation.by_sender,
                                            observation.hour);
                     });
}

}  // namespace

uint32_t RunNames::Node(const std::string& name) {
  const auto [entry, added] = node_numbers_.emplace(name, nodes_.size());
  if (added) nodes_.push_back(name);
  return entry->second;
}

uint32_t RunNames::EdgeOf(const std::string& from, const std::string& to) {
  const EdgeEnds edge{Node(from), Node(to)};
  const auto [entry, added] = edge_numbers_.emplace(std::pair(edge.from, edge.to), edges_.size());
  if (added) edges_.push_back(edge);
  return entry->second;
}

std::optional<uint32_t> RunNames::FindNode(const std::string& name) const {
  const auto found = node_numbers_.find(name);
  return found == node_numbers_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<uint32_t> RunNames::FindEdge(const std::string& from, const std::string& to) const {
  const auto from_node = FindNode(from);
  const auto to_node = FindNode(to);
  if (!from_node || !to_node) return std::nullopt;
  const auto found = edge_numbers_.find({*from_node, *to_node});
  return found == edge_numbers_.end() ? std::nullopt : std::optional(found->second);
}

Counted CountEdges(const Cells& cells, const TransportShares& transport) {
  Counted counted;
  counted.compute = cells.compute;
  const absl::Span<const EdgeObservation> observations(cells.observations);
  for (size_t begin = 0, end = 0; begin < observations.size(); begin = end) {
    for (end = begin; end < observations.size() && observations[end].edge == observations[begin].edge;) ++end;
    counted.edges.emplace_back(observations[begin].edge,
                               CountEdge(observations.subspan(begin, end - begin), transport));
  }
  return counted;
}

Cells ToCells(const std::vector<EdgeRow>& edges, const std::vector<ComputeRow>& compute, RunNames* names) {
  Cells cells;
  cells.observations.reserve(edges.size());
  for (const EdgeRow& row : edges) {
    // A newer version may have written the row.
    const v1::Waste waste = v1::Waste_IsValid(row.key.waste) ? row.key.waste : v1::WASTE_UNSPECIFIED;
    cells.observations.push_back(
        {names->EdgeOf(row.key.from, row.key.to), row.key.reported_by_sender, row.key.observer,
         row.key.answered, row.key.observer == v1::OBSERVER_PROXY ? row.key.hour : 0, waste, row.totals});
  }
  cells.compute.reserve(compute.size());
  for (const ComputeRow& row : compute) {
    cells.compute.push_back({names->Node(row.key.node), row.key.kind, row.totals});
  }
  cells = Merge(std::move(cells));
  // Here, where all hours of a round are together, and before rounds are.
  for (ComputeCell& cell : cells.compute) {
    cell.cpu_is_lower_bound = cell.computing() > absl::ZeroDuration() &&
                              cell.totals.cpu + cell.totals.accelerator == absl::ZeroDuration();
  }
  return cells;
}

std::shared_ptr<const CountedRun::Round> CountedRun::FindRound(uint64_t number) const {
  const auto block = blocks.find(number / kBlockRounds);
  if (block == blocks.end()) return nullptr;
  const auto round = block->second->rounds.find(number);
  return round == block->second->rounds.end() ? nullptr : round->second;
}

void CountedRun::VisitRounds(RoundRange range, const std::function<bool(const Round&)>& visit) const {
  for (auto block = blocks.lower_bound(range.from / kBlockRounds); block != blocks.end(); ++block) {
    const auto& rounds = block->second->rounds;
    for (auto round = rounds.lower_bound(range.from); round != rounds.end(); ++round) {
      if (round->first > range.to || !visit(*round->second)) return;
    }
  }
}

absl::StatusOr<std::shared_ptr<const CountedRun>> ReadRun(Store* store, const RunRecord& record,
                                                          const CountedRun* previous) {
  auto run = std::make_shared<CountedRun>();
  if (previous != nullptr) {
    run->names = previous->names;
    run->blocks = previous->blocks;
  }
  run->record = record;
  ASSIGN_OR_RETURN(const auto changed,
                   ChangedRounds(store, record.id, previous == nullptr ? 0 : previous->record.last_position));
  std::map<uint64_t, std::shared_ptr<const CountedRun::Round>> rounds;
  RETURN_IF_ERROR(ReadRounds(store, changed, &run->names, &rounds, record.id));
  ASSIGN_OR_RETURN(const auto edges, store->Edges(record.id, RoundRange(), true));
  ASSIGN_OR_RETURN(const auto compute, store->Compute(record.id, RoundRange(), true));
  Cells recorded = ToCells(edges, compute, &run->names);
  ASSIGN_OR_RETURN(run->transport, ReadTransport(store, record, run->names));

  if (previous != nullptr && run->transport != previous->transport) {
    for (auto& [number, block] : run->blocks) {
      if (SharesDiffer(*block, previous->transport, run->transport)) block = SumBlock(*block, run->transport);
    }
  }
  for (auto round = rounds.begin(); round != rounds.end();) {
    const uint64_t number = round->first / CountedRun::kBlockRounds;
    const auto known = run->blocks.find(number);
    CountedRun::Block block;
    if (known != run->blocks.end()) block.rounds = known->second->rounds;
    for (; round != rounds.end() && round->first / CountedRun::kBlockRounds == number; ++round) {
      block.rounds[round->first] = round->second;
    }
    run->blocks[number] = SumBlock(std::move(block), run->transport);
  }

  run->unattributed.compute = recorded.compute;
  CountedSum in_rounds;
  for (const auto& [number, block] : run->blocks) {
    Append(block->cells, &recorded);
    in_rounds.Add(block->counted);
    for (const auto& [round, cells] : block->rounds) run->rows += cells->cells.rows();
  }
  run->recorded = Merge(std::move(recorded));
  run->in_rounds = in_rounds.Take();
  run->whole.compute = run->recorded.compute;
  CountWhole(run.get());
  run->rows += run->recorded.rows();
  return std::shared_ptr<const CountedRun>(std::move(run));
}

absl::StatusOr<bool> HasSameTransport(Store* store, const CountedRun& run) {
  const auto& observations = run.recorded.observations;
  const bool has_proxies = std::any_of(
      observations.begin(), observations.end(),
      [](const EdgeObservation& observation) { return observation.observer == v1::OBSERVER_PROXY; });
  if (!has_proxies) return true;
  ASSIGN_OR_RETURN(const TransportShares transport, ReadTransport(store, run.record, run.names));
  return transport == run.transport;
}

}  // namespace fedcarbon::server
