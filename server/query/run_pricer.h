// Turns counted scopes of a run into footprints, under one method.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fedcarbon/carbon/pricing.h"
#include "fedcarbon/v1/footprint.pb.h"
#include "server/query/counted_run.h"

namespace fedcarbon::server {

/// Nodes by name, as the store knows them.
using NodeRecords = std::map<std::string, NodeRecord>;

/// Not thread-safe: it notes which factors priced something. fedcarbon's own computation (kind FEDCARBON) is
/// no part of any scope that it prices.
class RunPricer {
 public:
  /// All must outlive this. A node of `names` without a record never reported: its computation is unknown.
  RunPricer(Pricing* pricing, const RunNames& names, const NodeRecords& records);

  /// What the scope cost. `has_gaps`: facts of the scope were lost, so it is a lower bound.
  v1::Footprint Total(const Counted& scope, bool has_gaps);

  /// What `node` cost: its computation and its half of its transfers.
  v1::Footprint OfNode(const Counted& scope, uint32_t node, bool has_gaps);

  /// The nodes of a scope, by name. `gaps[node]`: facts of that node were lost.
  std::vector<v1::NodeFootprint> Nodes(const Counted& scope, const std::vector<bool>& gaps);

  /// The edges of a scope, by the names of their ends; `gaps` as for Nodes.
  std::vector<v1::Edge> Edges(const Counted& scope, const std::vector<bool>& gaps);

  /// What of a scope's transfers is waste, by category, as far as there is any; `gaps` as for Nodes.
  std::vector<v1::WasteFootprint> Waste(const Counted& scope, const std::vector<bool>& gaps);

  /// fedcarbon's own computation and traffic of one node; the coordinator's end is unknown.
  struct Overhead {
    std::string node;
    absl::Duration cpu;
    Bytes bytes;
  };
  v1::Footprint Own(const std::vector<Overhead>& overheads);

  /// Named, and never reported anything.
  bool Silent(uint32_t node) const { return silent_[node]; }

 private:
  struct Communication {
    Estimate<Joules> energy;
    Estimate<Grams> carbon;
  };
  /// A footprint as it adds up.
  struct Sum {
    explicit Sum(size_t models) : communication(models) {}
    ComputationPrice computation;
    std::vector<Communication> communication;  // by network model
    Bytes counted;
    absl::Duration cpu;
    absl::Duration accelerator;
    absl::Duration compute;  // wall time
    bool compute_is_upper_bound = false;
    bool cpu_is_lower_bound = false;
    bool silent_node = false;  // computation of a node is unknown
  };

  Sum Empty() const { return Sum(pricing_->network_models().size()); }
  ComputationPrice Price(const ComputeCell& cell);
  void AddCompute(const ComputeCell& cell, Sum* sum);
  /// Adds the edge's halves at its from end and at its to end.
  void AddEdge(uint32_t edge, const CountedEdge& count, Sum* from, Sum* to);
  v1::Footprint ToProto(Sum sum, bool has_gaps) const;

  Pricing* const pricing_;
  const RunNames& names_;
  const NodeRecords& records_;
  std::vector<Pricing::NodeIndex> nodes_;
  std::vector<Pricing::EdgeIndex> edges_;
  std::vector<bool> silent_;
};

}  // namespace fedcarbon::server
