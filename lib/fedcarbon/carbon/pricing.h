// Prices facts: joules and grams of a node's computation and of an edge's bytes, under the models and factors
// of one method. The models are `fl.round/1` (default) and `cumulator/2020`; README.md has their formulas.
//
// ```cpp
// absl::StatusOr<Estimate<Grams>> PriceRound(const v1::Method& method, const v1::Node& description) {
//   absl::StatusOr<Pricing> pricing = Pricing::Create(BuiltInFactors(), method, /*year=*/2026);
//   if (!pricing.ok()) return pricing.status();
//   const Pricing::NodeIndex zurich = pricing->AddNode("zurich", &description);
//   const Pricing::NodeIndex server = pricing->AddNode("aggregator", nullptr);  // it did not describe itself
//   const Pricing::EdgeIndex up = pricing->AddEdge(zurich, server);
//
//   ComputationAmounts used;
//   used.cpu = absl::Minutes(3);
//   Estimate<Grams> total = pricing->Price(zurich, used).carbon;
//   const Bytes counted(1'000'000), unconfirmed(0);
//   total += pricing->Price(up, counted, unconfirmed, /*model=*/0).carbon();
//   return total;  // under the factors that pricing->Factors() names
// }
// ```
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "fedcarbon/carbon/factors.h"
#include "fedcarbon/carbon/network.h"
#include "fedcarbon/carbon/resolved_factor.h"
#include "fedcarbon/units/units.h"
#include "fedcarbon/v1/facts.pb.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon {

inline constexpr char kModelRound[] = "fl.round/1";
inline constexpr char kModelCumulator[] = "cumulator/2020";

/// What a node used. None negative.
struct ComputationAmounts {
  absl::Duration cpu;
  absl::Duration accelerator;
  absl::Duration wall;  // of spans that compute, handlers' not among them; cumulator/2020 alone prices it
  bool wall_is_upper_bound = false;
  bool cpu_is_lower_bound = false;  // spans computed of which no processor's time is known: at least nothing
};

struct ComputationPrice {
  Estimate<Joules> energy;  // PUE included
  Estimate<Grams> carbon;

  ComputationPrice& operator+=(const ComputationPrice& other) {
    energy += other.energy;
    carbon += other.carbon;
    return *this;
  }
};

/// Of one edge under one network model. Half is charged to each end, at that end's grid intensity.
struct CommunicationPrice {
  Estimate<Joules> energy;  // of both halves together
  Estimate<Grams> at_from;
  Estimate<Grams> at_to;

  Estimate<Grams> carbon() const { return at_from + at_to; }
  CommunicationPrice& operator+=(const CommunicationPrice& other) {
    energy += other.energy;
    at_from += other.at_from;
    at_to += other.at_to;
    return *this;
  }
};

/// The prices of one footprint. Factors are resolved once per node and edge; a price then is a few
/// multiplications, linear in its amounts, so that sums may be taken before or after pricing. Movable; not
/// thread-safe, because it notes which factors were used.
class Pricing {
 public:
  enum class NodeIndex : size_t {};
  enum class EdgeIndex : size_t {};

  /// `method`: only its models are read; its factors file is `factors` already (LoadFactors). `year`: the
  /// run's. Under cumulator/2020 the counting network model is net.cumulator/2020, and those that `method`
  /// names are alternatives. INVALID_ARGUMENT: an unknown model, or a network model named twice; it names
  /// those there are.
  static absl::StatusOr<Pricing> Create(std::shared_ptr<const FactorSet> factors, const v1::Method& method,
                                        int year);

  Pricing(Pricing&&) = default;
  Pricing& operator=(Pricing&&) = default;

  /// The method as applied: models filled in.
  const v1::Method& method() const { return method_; }

  /// Ids of the network models, as Price numbers them; the first one counts, the rest are alternatives.
  absl::Span<const std::string> network_models() const { return network_models_; }

  /// A node with its description; null: none was reported. An empty name is the unknown node.
  NodeIndex AddNode(const std::string& name, const v1::Node* description);

  EdgeIndex AddEdge(NodeIndex from, NodeIndex to);

  ComputationPrice Price(NodeIndex node, const ComputationAmounts& amounts);

  /// Under network_models()[model]. `unconfirmed` bytes are part of `high` alone.
  CommunicationPrice Price(EdgeIndex edge, Bytes counted, Bytes unconfirmed, size_t model);

  /// Every factor that priced an amount other than zero, by name, each once.
  std::vector<Factor> Factors() const;

  /// What people have to know of those factors, each once: assumptions, and what would replace them.
  std::vector<std::string> Warnings() const;

 private:
  // Of one second of a node's processor or accelerator.
  struct WorkRate {
    Estimate<KilowattHours> energy;
    std::optional<Interval<Grams>> carbon_bounds;
    std::vector<ResolvedFactor> factors;
    bool used = false;
  };
  struct Node {
    std::string name;
    v1::LinkKind link = v1::LINK_KIND_UNSPECIFIED;
    ResolvedFactor grid_intensity;
    WorkRate processor;     // per second of CPU time; under cumulator/2020 of wall time x processors
    double processors = 1;  // cumulator/2020's
    WorkRate accelerator;   // per second of accelerator time, all devices
    bool grid_intensity_used = false;
    bool has_unpriced_wall = false;  // compute spans, and no CPU time

    GridIntensity intensity() const { return GridIntensity(grid_intensity.factor.value.central); }
  };
  // Energy of one kB under one network model, between links of two kinds.
  struct TransferRate {
    Estimate<KilowattHours> energy;
    ResolvedFactor factor;
    bool used = false;
  };
  // Carbon of one kB's half at either end of an edge.
  struct EdgeRate {
    TransferRate* transfer;  // in transfers_
    std::optional<Interval<Grams>> carbon_bounds_at_from;
    std::optional<Interval<Grams>> carbon_bounds_at_to;
  };
  struct PricedEdge {
    size_t from = 0;
    size_t to = 0;
    std::vector<EdgeRate> rates;  // one per network model
    bool used = false;
  };
  using TransferKey = std::tuple<std::string, v1::LinkKind, v1::LinkKind>;  // model, from, to

  Pricing(std::shared_ptr<const FactorSet> factors, const v1::Method& method, int year);

  TransferRate* FindTransferRate(const std::string& model, v1::LinkKind from, v1::LinkKind to);
  ComputationPrice PriceWork(Node* node, WorkRate* rate, double amount);
  template <typename Visit>
  void VisitUsed(const Visit& visit) const;

  std::shared_ptr<const FactorSet> factors_;
  v1::Method method_;
  bool cumulator_;  // the model
  int year_;
  std::vector<std::string> network_models_;
  std::vector<Node> nodes_;
  std::map<TransferKey, TransferRate> transfers_;
  std::vector<PricedEdge> edges_;
};

}  // namespace fedcarbon
