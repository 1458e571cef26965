#include "server/query/run_pricer.h"

#include <algorithm>

namespace fedcarbon::server {
namespace {

/// Whether the time that it computed may have been less.
bool IsUpperBound(const ComputeCell& cell) {
  return cell.totals.wall_is_upper_bound && cell.computing() > absl::ZeroDuration();
}

const v1::Node* Description(const NodeRecords& records, const std::string& node) {
  const auto record = records.find(node);
  return record == records.end() ? nullptr : &record->second.description;
}

}  // namespace

RunPricer::RunPricer(Pricing* pricing, const RunNames& names, const NodeRecords& records)
    : pricing_(pricing), names_(names), records_(records) {
  for (const std::string& node : names.nodes()) {
    nodes_.push_back(pricing->AddNode(node, Description(records, node)));
    silent_.push_back(!node.empty() && records.count(node) == 0);
  }
  for (const RunNames::EdgeEnds& edge : names.edges()) {
    edges_.push_back(pricing->AddEdge(nodes_[edge.from], nodes_[edge.to]));
  }
}

ComputationPrice RunPricer::Price(const ComputeCell& cell) {
  return pricing_->Price(nodes_[cell.node], {cell.totals.cpu, cell.totals.accelerator, cell.computing(),
                                             IsUpperBound(cell), cell.cpu_is_lower_bound});
}

void RunPricer::AddCompute(const ComputeCell& cell, Sum* sum) {
  sum->computation += Price(cell);
  sum->cpu += cell.totals.cpu;
  sum->accelerator += cell.totals.accelerator;
  sum->compute += cell.computing();
  sum->compute_is_upper_bound |= IsUpperBound(cell);
  sum->cpu_is_lower_bound |= cell.cpu_is_lower_bound;
}

void RunPricer::AddEdge(uint32_t edge, const CountedEdge& count, Sum* from, Sum* to) {
  const RunNames::EdgeEnds ends = names_.edges()[edge];
  for (size_t model = 0; model < from->communication.size(); ++model) {
    CommunicationPrice price = pricing_->Price(edges_[edge], count.counted, count.unconfirmed, model);
    price.at_from.at_least |= count.at_least;
    price.at_to.at_least |= count.at_least;
    from->communication[model].carbon += price.at_from;
    from->communication[model].energy += price.energy * 0.5;
    to->communication[model].carbon += price.at_to;
    to->communication[model].energy += price.energy * 0.5;
  }
  from->counted += count.counted;
  if (to != from) to->counted += count.counted;
  from->silent_node |= silent_[ends.from];
  to->silent_node |= silent_[ends.to];
}

v1::Footprint RunPricer::ToProto(Sum sum, bool has_gaps) const {
  sum.computation.carbon.at_least |= has_gaps || sum.silent_node;
  sum.computation.energy.at_least |= has_gaps || sum.silent_node;
  for (Communication& communication : sum.communication) {
    communication.carbon.at_least |= has_gaps;
    communication.energy.at_least |= communication.carbon.at_least;
  }
  v1::Footprint footprint;
  *footprint.mutable_total() = fedcarbon::ToProto(sum.computation.carbon + sum.communication[0].carbon);
  *footprint.mutable_computation() = fedcarbon::ToProto(sum.computation.carbon);
  *footprint.mutable_communication() = fedcarbon::ToProto(sum.communication[0].carbon);
  *footprint.mutable_computation_energy() = fedcarbon::ToProto(sum.computation.energy);
  *footprint.mutable_communication_energy() = fedcarbon::ToProto(sum.communication[0].energy);
  for (size_t model = 1; model < sum.communication.size(); ++model) {
    v1::ModelEstimate* alternative = footprint.add_alternatives();
    alternative->set_network_model(pricing_->network_models()[model]);
    *alternative->mutable_communication() = fedcarbon::ToProto(sum.communication[model].carbon);
    *alternative->mutable_communication_energy() = fedcarbon::ToProto(sum.communication[model].energy);
  }
  footprint.set_counted_bytes(sum.counted.count());
  footprint.set_cpu_us(absl::ToInt64Microseconds(sum.cpu));
  footprint.set_accelerator_us(absl::ToInt64Microseconds(sum.accelerator));
  footprint.set_compute_us(absl::ToInt64Microseconds(sum.compute));
  footprint.set_compute_is_upper_bound(sum.compute_is_upper_bound);
  footprint.set_cpu_is_lower_bound(sum.cpu_is_lower_bound);
  return footprint;
}

v1::Footprint RunPricer::Total(const Counted& scope, bool has_gaps) {
  Sum sum = Empty();
  for (const ComputeCell& cell : scope.compute) {
    if (cell.kind != v1::SPAN_KIND_FEDCARBON) AddCompute(cell, &sum);
  }
  for (const auto& [edge, count] : scope.edges) AddEdge(edge, count, &sum, &sum);
  return ToProto(sum, has_gaps);
}

v1::Footprint RunPricer::OfNode(const Counted& scope, uint32_t node, bool has_gaps) {
  Sum own = Empty();
  for (const ComputeCell& cell : scope.compute) {
    if (cell.node == node && cell.kind != v1::SPAN_KIND_FEDCARBON) AddCompute(cell, &own);
  }
  for (const auto& [edge, count] : scope.edges) {
    const RunNames::EdgeEnds ends = names_.edges()[edge];
    if (ends.from != node && ends.to != node) continue;
    Sum others = Empty();
    AddEdge(edge, count, ends.from == node ? &own : &others, ends.to == node ? &own : &others);
  }
  return ToProto(own, has_gaps);
}

std::vector<v1::NodeFootprint> RunPricer::Nodes(const Counted& scope, const std::vector<bool>& gaps) {
  struct Row {
    v1::NodeFootprint footprint;
    Sum sum;
  };
  std::map<uint32_t, Row> rows;
  const auto row = [&](uint32_t node) -> Row& {
    return rows.try_emplace(node, Row{v1::NodeFootprint(), Empty()}).first->second;
  };
  for (const ComputeCell& cell : scope.compute) {
    if (cell.kind == v1::SPAN_KIND_FEDCARBON) continue;
    Row& node = row(cell.node);
    AddCompute(cell, &node.sum);
    v1::KindUsage* usage = node.footprint.add_kinds();
    usage->set_kind(cell.kind);
    usage->set_spans(cell.totals.spans);
    usage->set_wall_us(absl::ToInt64Microseconds(cell.totals.wall));
    usage->set_wall_is_upper_bound(cell.totals.wall_is_upper_bound);
    usage->set_cpu_is_lower_bound(cell.cpu_is_lower_bound);
    usage->set_cpu_us(absl::ToInt64Microseconds(cell.totals.cpu));
    usage->set_accelerator_us(absl::ToInt64Microseconds(cell.totals.accelerator));
    *usage->mutable_computation() = fedcarbon::ToProto(Price(cell).carbon);
  }
  for (const auto& [edge, count] : scope.edges) {
    const RunNames::EdgeEnds ends = names_.edges()[edge];
    Row& from = row(ends.from);
    Row& to = row(ends.to);
    AddEdge(edge, count, &from.sum, &to.sum);
    from.footprint.set_sent_bytes(from.footprint.sent_bytes() + count.counted.count());
    to.footprint.set_received_bytes(to.footprint.received_bytes() + count.counted.count());
  }
  std::vector<v1::NodeFootprint> nodes;
  for (auto& [node, priced] : rows) {
    v1::NodeFootprint& footprint = priced.footprint;
    footprint.set_node(names_.nodes()[node]);
    *footprint.mutable_footprint() = ToProto(priced.sum, gaps[node]);
    const auto record = records_.find(footprint.node());
    if (record != records_.end()) {
      *footprint.mutable_description() = record->second.description;
      footprint.set_unsigned_batches(record->second.unsigned_batches > 0);
      if (record->second.clock) {
        footprint.set_clock_offset_us(absl::ToInt64Microseconds(record->second.clock->offset));
      }
    }
    nodes.push_back(std::move(footprint));
  }
  std::sort(nodes.begin(), nodes.end(),
            [](const v1::NodeFootprint& a, const v1::NodeFootprint& b) { return a.node() < b.node(); });
  return nodes;
}

std::vector<v1::Edge> RunPricer::Edges(const Counted& scope, const std::vector<bool>& gaps) {
  std::vector<v1::Edge> edges;
  for (const auto& [number, count] : scope.edges) {
    const RunNames::EdgeEnds ends = names_.edges()[number];
    v1::Edge edge;
    edge.set_from(names_.nodes()[ends.from]);
    edge.set_to(names_.nodes()[ends.to]);
    edge.set_calls(count.calls);
    edge.set_messages(count.messages);
    edge.set_message_bytes(count.message.count());
    edge.set_counted_bytes(count.counted.count());
    edge.set_layer(count.layer);
    edge.set_modelled(count.modelled);
    if (count.disagreement) edge.set_disagreement_bytes(count.disagreement->count());
    edge.set_unconfirmed_bytes(count.unconfirmed_message.count());
    edge.set_cross_check_bytes(count.cross_check.count());
    Estimate<Grams> carbon = pricing_->Price(edges_[number], count.counted, count.unconfirmed, 0).carbon();
    carbon.at_least |= count.at_least || gaps[ends.from] || gaps[ends.to];
    *edge.mutable_communication() = fedcarbon::ToProto(carbon);
    edges.push_back(std::move(edge));
  }
  std::sort(edges.begin(), edges.end(), [](const v1::Edge& a, const v1::Edge& b) {
    return a.from() != b.from() ? a.from() < b.from() : a.to() < b.to();
  });
  return edges;
}

std::vector<v1::WasteFootprint> RunPricer::Waste(const Counted& scope, const std::vector<bool>& gaps) {
  std::vector<v1::WasteFootprint> footprints;
  for (size_t category = 0; category < WasteCounts().size(); ++category) {
    WasteCount sum;
    Estimate<Grams> carbon;
    for (const auto& [edge, count] : scope.edges) {
      const WasteCount& waste = count.waste[category];
      if (waste.empty()) continue;
      const RunNames::EdgeEnds ends = names_.edges()[edge];
      sum += waste;
      carbon += pricing_->Price(edges_[edge], waste.counted, Bytes(0), 0).carbon();
      carbon.at_least |= count.at_least || gaps[ends.from] || gaps[ends.to];
    }
    if (sum.empty()) continue;
    v1::WasteFootprint footprint;
    footprint.set_waste(static_cast<v1::Waste>(category));
    footprint.set_calls(sum.calls);
    footprint.set_messages(sum.messages);
    footprint.set_counted_bytes(sum.counted.count());
    *footprint.mutable_communication() = fedcarbon::ToProto(carbon);
    footprints.push_back(std::move(footprint));
  }
  return footprints;
}

v1::Footprint RunPricer::Own(const std::vector<Overhead>& overheads) {
  Sum sum = Empty();
  const Pricing::NodeIndex coordinator = pricing_->AddNode("(coordinator)", nullptr);
  for (const Overhead& overhead : overheads) {
    const Pricing::NodeIndex node = pricing_->AddNode(overhead.node, Description(records_, overhead.node));
    sum.computation += pricing_->Price(node, {overhead.cpu, absl::ZeroDuration(), absl::ZeroDuration()});
    sum.cpu += overhead.cpu;
    const Pricing::EdgeIndex edge = pricing_->AddEdge(node, coordinator);
    for (size_t model = 0; model < sum.communication.size(); ++model) {
      const CommunicationPrice price = pricing_->Price(edge, overhead.bytes, Bytes(0), model);
      sum.communication[model].carbon += price.carbon();
      sum.communication[model].energy += price.energy;
    }
    sum.counted += overhead.bytes;
  }
  return ToProto(sum, false);
}

}  // namespace fedcarbon::server
