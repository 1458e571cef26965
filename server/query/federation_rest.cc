#include "server/query/federation_rest.h"

#include "fedcarbon/status/status.h"

namespace fedcarbon::server {

absl::StatusOr<std::shared_ptr<const FederationRest>> FederationRestCache::Get() {
  ASSIGN_OR_RETURN(const uint64_t position, store_->LastPosition());
  {
    MutexLock lock(&mutex_);
    if (last_ != nullptr && last_->position >= position) return last_;
  }
  ASSIGN_OR_RETURN(const auto edges, store_->Edges("", RoundRange(), true));
  ASSIGN_OR_RETURN(const auto compute, store_->Compute("", RoundRange(), true));

  auto rest = std::make_shared<FederationRest>();
  rest->position = position;
  for (const ComputeRow& row : compute) {
    if (row.key.kind == v1::SPAN_KIND_FEDCARBON) {
      rest->own_cpu[{row.key.node, row.key.hour}] += row.totals.cpu;
    }
  }
  Cells cells = ToCells(edges, compute, &rest->names);
  rest->unattributed.compute = std::move(cells.compute);
  ASSIGN_OR_RETURN(const TransportShares transport, ReadTransport(rest.get()));
  RETURN_IF_ERROR(CountEdgesLessRuns(std::move(cells.observations), transport, rest.get()));
  MutexLock lock(&mutex_);
  if (last_ == nullptr || last_->position < rest->position) last_ = rest;
  return std::shared_ptr<const FederationRest>(rest);
}

absl::StatusOr<TransportShares> FederationRestCache::ReadTransport(FederationRest* rest) {
  ASSIGN_OR_RETURN(const auto rows, store_->ListTransport(INT64_MIN, INT64_MAX));
  TransportShares transport;
  for (const auto& [key, totals] : rows) {
    transport.Add(rest->names.EdgeOf(key.from, key.to), key.reported_by_sender, key.hour, totals);
  }
  return transport;
}

absl::Status FederationRestCache::CountEdgesLessRuns(std::vector<EdgeObservation> recorded,
                                                     const TransportShares& transport, FederationRest* rest) {
  const size_t edges = rest->names.edges().size();
  std::vector<CountedEdge> held(edges);
  std::string after;
  while (edges > 0) {
    ASSIGN_OR_RETURN(const auto records, store_->ListRuns(kRunsPerRead, after));
    if (records.empty()) break;
    after = records.back().id;
    for (const RunRecord& record : records) {
      ASSIGN_OR_RETURN(const auto run, runs_->Get(record));
      const RunNames& names = run->names;
      const auto number = [&](uint32_t edge) {
        const RunNames::EdgeEnds ends = names.edges()[edge];
        return rest->names.FindEdge(names.nodes()[ends.from], names.nodes()[ends.to]);
      };
      for (EdgeObservation observation : run->recorded.observations) {
        const auto edge = number(observation.edge);
        if (!edge) continue;
        observation.edge = *edge;
        recorded.push_back(observation);
      }
      for (const auto& [run_edge, count] : run->whole.edges) {
        if (const auto edge = number(run_edge)) held[*edge] += count;
      }
    }
  }
  std::vector<CountedEdge> beyond(edges);
  const Counted whole = CountEdges({MergeObservations(std::move(recorded)), {}}, transport);
  for (const auto& [edge, count] : whole.edges) beyond[edge] = Unattributed(count, held[edge]);
  for (uint32_t edge = 0; edge < edges; ++edge) {
    CountedEdge idle;
    idle.counted = transport.Carried(edge) - (held[edge].counted + beyond[edge].counted);
    if (idle.counted > Bytes(0)) idle.layer = v1::LAYER_TRANSPORT;
    beyond[edge] += idle;
    rest->unattributed.edges.emplace_back(edge, beyond[edge]);
  }
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
