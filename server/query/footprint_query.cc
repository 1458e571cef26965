#include "server/query/footprint_query.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/carbon/cumulator_model.h"
#include "fedcarbon/carbon/factors_file.h"
#include "fedcarbon/status/status.h"
#include "server/query/federation_rest.h"
#include "server/query/list_transfers.h"
#include "server/query/query_context.h"

namespace fedcarbon::server {
namespace {

constexpr uint32_t kMaxPage = 1000;
constexpr uint32_t kDefaultRunsPage = 100;

absl::StatusOr<uint32_t> PageSize(uint32_t asked, uint32_t otherwise) {
  if (asked > kMaxPage) {
    return absl::InvalidArgumentError(absl::StrCat("page_size is ", asked, "; it is at most ", kMaxPage));
  }
  return asked == 0 ? otherwise : asked;
}

template <typename T, typename Field>
void Fill(std::vector<T> values, Field* field) {
  field->Reserve(static_cast<int>(values.size()));
  for (T& value : values) *field->Add() = std::move(value);
}

void FillStrings(const std::vector<std::string>& texts,
                 google::protobuf::RepeatedPtrField<std::string>* field) {
  field->Assign(texts.begin(), texts.end());
}

/// Of `scope`, in the numbers of `names`, what concerns a node of `run`.
Counted OfNodes(const Counted& scope, const RunNames& names, const RunNames& run) {
  const auto concerned = [&](uint32_t node) { return run.FindNode(names.nodes()[node]).has_value(); };
  Counted part;
  for (const auto& entry : scope.edges) {
    const RunNames::EdgeEnds edge = names.edges()[entry.first];
    if (concerned(edge.from) || concerned(edge.to)) part.edges.push_back(entry);
  }
  for (const ComputeCell& cell : scope.compute) {
    if (concerned(cell.node)) part.compute.push_back(cell);
  }
  return part;
}

}  // namespace

/// What all queries share.
class FootprintQuery::Impl {
 public:
  Impl(Store* store, const Clock* clock, std::shared_ptr<const FactorSet> factors)
      : store(store), clock(clock), factors(std::move(factors)), runs(store), rest(store, &runs) {}

  /// The coordinator's factors with what the method's own file states instead.
  absl::StatusOr<std::shared_ptr<const FactorSet>> Factors(const v1::Method& method) const;
  absl::StatusOr<std::unique_ptr<QueryContext>> CreateContext(const std::string& run,
                                                              const v1::Method& method);
  absl::StatusOr<v1::OverheadFootprint> PriceOverhead(const FederationRest& federation,
                                                      QueryContext* context);
  /// Whether a node of `run`, or another end of an edge of `scope`, ever lost facts: those without a run may
  /// be of any time.
  absl::StatusOr<bool> HasGapEver(const Counted& scope, const RunNames& names, const RunNames& run);

  Store* const store;
  const Clock* const clock;
  const std::shared_ptr<const FactorSet> factors;
  RunCache runs;
  FederationRestCache rest;
};

absl::StatusOr<std::shared_ptr<const FactorSet>> FootprintQuery::Impl::Factors(
    const v1::Method& method) const {
  if (method.factors_toml().empty()) return factors;
  ASSIGN_OR_RETURN(FactorSet loaded,
                   LoadFactors(*factors, method.factors_toml(),
                               method.factors_name().empty() ? "factors_toml" : method.factors_name()));
  return std::make_shared<const FactorSet>(std::move(loaded));
}

absl::StatusOr<std::unique_ptr<QueryContext>> FootprintQuery::Impl::CreateContext(const std::string& run,
                                                                                  const v1::Method& method) {
  ASSIGN_OR_RETURN(auto factors, Factors(method));
  ASSIGN_OR_RETURN(const RunRecord record, FindRun(store, run));
  return QueryContext::Create(store, &runs, record, std::move(factors), method);
}

absl::StatusOr<v1::OverheadFootprint> FootprintQuery::Impl::PriceOverhead(const FederationRest& federation,
                                                                          QueryContext* context) {
  const CountedRun& run = context->run();
  const Hour from = HourOf(run.record.first_fact);
  const Hour to = HourOf(run.record.last_fact);
  v1::OverheadFootprint overhead;
  std::map<std::string, RunPricer::Overhead> nodes;
  ASSIGN_OR_RETURN(const auto traffic, store->ListOverhead(from, to));
  for (const auto& [key, totals] : traffic) {
    if (!run.names.FindNode(key.node)) continue;
    nodes[key.node].bytes += totals.report + totals.context;
    overhead.set_report_bytes(overhead.report_bytes() + totals.report.count());
    overhead.set_context_bytes(overhead.context_bytes() + totals.context.count());
  }
  for (const auto& [key, cpu] : federation.own_cpu) {
    if (key.second >= from && key.second <= to && run.names.FindNode(key.first)) nodes[key.first].cpu += cpu;
  }
  for (const ComputeCell& cell : run.recorded.compute) {
    if (cell.kind == v1::SPAN_KIND_FEDCARBON) nodes[run.names.nodes()[cell.node]].cpu += cell.totals.cpu;
  }
  std::vector<RunPricer::Overhead> overheads;
  for (auto& [node, own] : nodes) {
    own.node = node;
    overheads.push_back(own);
  }
  *overhead.mutable_footprint() = context->pricer().Own(overheads);
  overhead.set_cpu_us(overhead.footprint().cpu_us());
  return overhead;
}

absl::StatusOr<bool> FootprintQuery::Impl::HasGapEver(const Counted& scope, const RunNames& names,
                                                      const RunNames& run) {
  ASSIGN_OR_RETURN(const auto gaps, store->ListGaps(absl::InfinitePast(), absl::InfiniteFuture()));
  std::set<std::string> nodes(run.nodes().begin(), run.nodes().end());
  for (const auto& entry : scope.edges) {
    const RunNames::EdgeEnds edge = names.edges()[entry.first];
    nodes.insert({names.nodes()[edge.from], names.nodes()[edge.to]});
  }
  return std::any_of(gaps.begin(), gaps.end(), [&](const NodeGap& gap) { return nodes.count(gap.node) > 0; });
}

absl::StatusOr<v1::ListRunsResponse> FootprintQuery::ListRuns(const v1::ListRunsRequest& request) {
  ASSIGN_OR_RETURN(const uint32_t size, PageSize(request.page_size(), kDefaultRunsPage));
  ASSIGN_OR_RETURN(auto records, impl_->store->ListRuns(size + 1, request.page_token()));
  v1::ListRunsResponse response;
  if (records.size() > size) {
    records.resize(size);
    response.set_next_page_token(records.back().id);
  }
  for (const RunRecord& record : records) *response.add_runs() = DescribeRun(record, impl_->clock->Now());
  return response;
}

absl::StatusOr<v1::RunFootprint> FootprintQuery::GetRun(const v1::GetRunRequest& request) {
  ASSIGN_OR_RETURN(const std::unique_ptr<QueryContext> asked,
                   impl_->CreateContext(request.run(), request.method()));
  QueryContext& context = *asked;
  const CountedRun& run = context.run();
  ASSIGN_OR_RETURN(const auto rest, impl_->rest.Get());

  v1::RunFootprint response;
  *response.mutable_run() = DescribeRun(run.record, impl_->clock->Now());
  *response.mutable_footprint() = context.pricer().Total(run.whole, context.HasGaps());
  *response.mutable_in_rounds() = context.pricer().Total(run.in_rounds, context.HasGaps());
  *response.mutable_unattributed() = context.pricer().Total(run.unattributed, context.HasGaps());
  Fill(context.pricer().Nodes(run.whole, context.gaps_of_nodes()), response.mutable_nodes());
  Fill(context.pricer().Edges(run.whole, context.gaps_of_nodes()), response.mutable_edges());
  Fill(context.pricer().Waste(run.whole, context.gaps_of_nodes()), response.mutable_waste());
  ASSIGN_OR_RETURN(*response.mutable_overhead(), impl_->PriceOverhead(*rest, &context));
  RunPricer rest_pricer(&context.pricing(), rest->names, context.nodes());
  const Counted rest_of_nodes = OfNodes(rest->unattributed, rest->names, run.names);
  ASSIGN_OR_RETURN(const bool rest_has_gaps, impl_->HasGapEver(rest_of_nodes, rest->names, run.names));
  *response.mutable_unattributed_federation() = rest_pricer.Total(rest_of_nodes, rest_has_gaps);
  Fill(rest_pricer.Waste(rest_of_nodes, std::vector<bool>(rest->names.nodes().size(), rest_has_gaps)),
       response.mutable_unattributed_federation_waste());
  Fill(context.Gaps(""), response.mutable_gaps());
  FillStrings(context.Warnings(), response.mutable_warnings());
  Fill(context.Factors(), response.mutable_factors());
  *response.mutable_method() = context.pricing().method();
  if (response.method().model() == kModelCumulator) {
    response.set_summary_text(CumulatorText(Grams(response.footprint().computation().central()),
                                            Grams(response.footprint().communication().central())));
  }
  return response;
}

absl::StatusOr<v1::ListRoundsResponse> FootprintQuery::ListRounds(const v1::ListRoundsRequest& request) {
  ASSIGN_OR_RETURN(const uint32_t size, PageSize(request.page_size(), kMaxPage));
  RoundRange range{request.from(), request.has_to() ? request.to() : UINT64_MAX};
  if (!request.page_token().empty()) {
    uint64_t next = 0;
    if (!absl::SimpleAtoi(request.page_token(), &next)) {
      return absl::InvalidArgumentError("page_token is not one of a previous answer");
    }
    range.from = std::max(range.from, next);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<QueryContext> asked,
                   impl_->CreateContext(request.run(), request.method()));
  QueryContext& context = *asked;
  const CountedRun& run = context.run();
  v1::ListRoundsResponse response;
  *response.mutable_run() = DescribeRun(run.record, impl_->clock->Now());
  run.VisitRounds(range, [&](const CountedRun::Round& round) {
    if (static_cast<uint32_t>(response.rounds_size()) == size) {
      response.set_next_page_token(absl::StrCat(round.record.round));
      return false;
    }
    *response.add_rounds() = context.Summarize(
        round.record,
        context.pricer().Total(CountEdges(round.cells, run.transport), context.HasGap(round.record)));
    return true;
  });
  Fill(context.Factors(), response.mutable_factors());
  *response.mutable_method() = context.pricing().method();
  return response;
}

absl::StatusOr<v1::RoundFootprint> FootprintQuery::GetRound(const v1::GetRoundRequest& request) {
  ASSIGN_OR_RETURN(const std::unique_ptr<QueryContext> asked,
                   impl_->CreateContext(request.run(), request.method()));
  QueryContext& context = *asked;
  const CountedRun& run = context.run();
  std::shared_ptr<const CountedRun::Round> round = run.FindRound(request.round());
  if (round == nullptr) {
    std::string there_are = ": it has none";
    if (!run.blocks.empty()) {
      there_are = absl::StrCat("; its rounds lie from ", run.blocks.begin()->second->rounds.begin()->first,
                               " to ", run.blocks.rbegin()->second->rounds.rbegin()->first);
    }
    return absl::NotFoundError(
        absl::StrCat("run ", run.record.id, " has no round ", request.round(), there_are));
  }
  std::vector<bool> gaps;
  for (uint32_t node = 0; node < run.names.nodes().size(); ++node) {
    gaps.push_back(context.HasGap(node, round->record));
  }
  const Counted counted = CountEdges(round->cells, run.transport);
  v1::RoundFootprint response;
  response.set_run(run.record.id);
  *response.mutable_summary() =
      context.Summarize(round->record, context.pricer().Total(counted, context.HasGap(round->record)));
  Fill(context.pricer().Nodes(counted, gaps), response.mutable_nodes());
  Fill(context.pricer().Edges(counted, gaps), response.mutable_edges());
  FillStrings(context.Warnings(), response.mutable_warnings());
  Fill(context.Factors(), response.mutable_factors());
  *response.mutable_method() = context.pricing().method();
  return response;
}

absl::StatusOr<v1::NodeRounds> FootprintQuery::GetNode(const v1::GetNodeRequest& request) {
  ASSIGN_OR_RETURN(const std::unique_ptr<QueryContext> asked,
                   impl_->CreateContext(request.run(), request.method()));
  QueryContext& context = *asked;
  const CountedRun& run = context.run();
  const auto node = run.names.FindNode(request.node());
  if (!node) {
    return absl::NotFoundError(absl::StrCat("run ", run.record.id, " has no node '", request.node(),
                                            "'; its nodes are: ", absl::StrJoin(run.names.nodes(), ", ")));
  }
  v1::NodeRounds response;
  response.set_run(run.record.id);
  for (v1::NodeFootprint& footprint : context.pricer().Nodes(run.whole, context.gaps_of_nodes())) {
    if (footprint.node() == request.node()) *response.mutable_node() = std::move(footprint);
  }
  run.VisitRounds(RoundRange(), [&](const CountedRun::Round& round) {
    *response.add_rounds() =
        context.Summarize(round.record, context.pricer().OfNode(CountEdges(round.cells, run.transport), *node,
                                                                context.HasGap(*node, round.record)));
    return true;
  });
  for (v1::Edge& edge : context.pricer().Edges(run.whole, context.gaps_of_nodes())) {
    if (edge.from() == request.node() || edge.to() == request.node()) *response.add_edges() = std::move(edge);
  }
  if (!request.node().empty()) Fill(context.Gaps(request.node()), response.mutable_gaps());
  FillStrings(context.Warnings(), response.mutable_warnings());
  Fill(context.Factors(), response.mutable_factors());
  *response.mutable_method() = context.pricing().method();
  return response;
}

absl::StatusOr<v1::ListFactorsResponse> FootprintQuery::ListFactors(const v1::ListFactorsRequest& request) {
  ASSIGN_OR_RETURN(const auto factors, impl_->Factors(request.method()));
  const int year = static_cast<int>(absl::ToCivilYear(impl_->clock->Now(), absl::UTCTimeZone()).year());
  v1::ListFactorsResponse response;
  for (const Factor& factor : factors->All(year)) *response.add_factors() = ToProto(factor);
  for (const NetworkModel& model : NetworkModels()) *response.add_network_models() = ToProto(model);
  return response;
}

FootprintQuery::FootprintQuery(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FootprintQuery::~FootprintQuery() = default;

absl::StatusOr<std::unique_ptr<FootprintQuery>> FootprintQuery::Create(
    Store* store, const Clock* clock, const std::string& default_factors_toml,
    const std::string& default_factors_name) {
  std::shared_ptr<const FactorSet> factors = BuiltInFactors();
  if (!default_factors_toml.empty()) {
    ASSIGN_OR_RETURN(FactorSet loaded, LoadFactors(*factors, default_factors_toml, default_factors_name));
    factors = std::make_shared<const FactorSet>(std::move(loaded));
  }
  return std::unique_ptr<FootprintQuery>(
      new FootprintQuery(std::make_unique<Impl>(store, clock, std::move(factors))));
}

absl::Status FootprintQuery::ListTransfers(const v1::ListTransfersRequest& request,
                                           const std::function<bool(const v1::TransferPair&)>& visit) {
  return server::ListTransfers(impl_->store, request, visit);
}

}  // namespace fedcarbon::server
