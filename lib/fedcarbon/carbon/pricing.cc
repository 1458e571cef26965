#include "fedcarbon/carbon/pricing.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/carbon/cumulator_model.h"

namespace fedcarbon {
namespace {

constexpr double kShareOfEachEnd = 0.5;
constexpr double kKilowattHoursPerWattSecond = Joules(1).kilowatt_hours();

// low and high of an amount, of which one has these bounds.
template <typename Q>
std::optional<Interval<Q>> Scale(const std::optional<Interval<Q>>& of_one, double low_amount,
                                 double high_amount) {
  if (!of_one.has_value()) return std::nullopt;
  return Interval<Q>{of_one->low * low_amount, of_one->high * high_amount};
}

// The same in the unit of To.
template <typename To, typename From>
Estimate<To> As(const Estimate<From>& estimate) {
  Estimate<To> same = Estimate<To>::Unstated(To(estimate.central));
  if (estimate.interval.has_value()) {
    same.interval = Interval<To>{To(estimate.interval->low), To(estimate.interval->high)};
  }
  return same;
}

Factor CumulatorConstant(const char* name, double value, Unit unit) {
  Factor factor;
  factor.name = name;
  factor.value = Estimate<double>::Unstated(value);
  factor.unit = unit;
  factor.source = "CUMULATOR 2020";
  factor.kind = v1::Factor::KIND_LEGACY;
  return factor;
}

// What turns a network factor into kWh/kB.
double PerKilobyte(const Factor& factor) {
  return factor.unit == Unit::kKilowattHoursPerKilobyte ? 1 : Bytes(1000).gigabytes();
}

}  // namespace

absl::StatusOr<Pricing> Pricing::Create(std::shared_ptr<const FactorSet> factors, const v1::Method& method,
                                        int year) {
  v1::Method applied = method;
  if (applied.model().empty()) applied.set_model(kModelRound);
  if (applied.model() != kModelRound && applied.model() != kModelCumulator) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown model \"", applied.model(), "\": use ", kModelRound, " or ", kModelCumulator));
  }
  std::vector<std::string> wanted;
  if (applied.model() == kModelCumulator) wanted.push_back(kNetCumulator);
  for (const std::string& id : method.network_models()) {
    if (FindNetworkModel(id) == nullptr) {
      std::vector<absl::string_view> known;
      for (const NetworkModel& model : NetworkModels()) known.push_back(model.id);
      return absl::InvalidArgumentError(
          absl::StrCat("unknown network model \"", id, "\": use ", absl::StrJoin(known, ", ")));
    }
    if (std::count(method.network_models().begin(), method.network_models().end(), id) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("network model ", id, " is named more than once: name each once"));
    }
    if (std::find(wanted.begin(), wanted.end(), id) == wanted.end()) wanted.push_back(id);
  }
  if (wanted.empty()) wanted = {kNetDefault, kNetMalmodinMarginal};
  applied.clear_network_models();
  for (const std::string& id : wanted) applied.add_network_models(id);
  return Pricing(std::move(factors), applied, year);
}

Pricing::Pricing(std::shared_ptr<const FactorSet> factors, const v1::Method& method, int year)
    : factors_(std::move(factors)),
      method_(method),
      cumulator_(method.model() == kModelCumulator),
      year_(year),
      network_models_(method.network_models().begin(), method.network_models().end()) {}

Pricing::NodeIndex Pricing::AddNode(const std::string& name, const v1::Node* description) {
  static const v1::Node& nothing = *new v1::Node;
  if (description == nullptr) description = &nothing;
  Node node;
  node.name = name;
  node.link = description->link();
  if (cumulator_) {
    node.grid_intensity.factor =
        CumulatorConstant("cumulator.carbon_intensity", kCumulatorIntensity.grams_per_kilowatt_hour(),
                          Unit::kGramsPerKilowattHour);
    ResolvedFactor watts{CumulatorConstant("cumulator.watts", kCumulatorWatts.watts(), Unit::kWatts), {}};
    node.processor.energy = Estimate<KilowattHours>::Unstated(
        KilowattHours((kCumulatorWatts * absl::Seconds(1)).kilowatt_hours()));
    node.processor.factors = {std::move(watts)};
    double accelerators = 0;
    for (const v1::Accelerator& accelerator : description->accelerators()) {
      accelerators += accelerator.count();
    }
    node.processors = std::max(accelerators, 1.0);
  } else {
    node.grid_intensity = ResolveGridIntensity(*factors_, name, description->country(), year_);
    const ResolvedFactor pue = ResolvePue(*factors_, name, *description);
    const auto rate = [&](ResolvedFactor watts) {
      const Estimate<double>& grid = node.grid_intensity.factor.value;
      const Estimate<double> energy =
          Product({watts.factor.value, pue.factor.value}) * kKilowattHoursPerWattSecond;
      const Estimate<double> carbon =
          Product({watts.factor.value, pue.factor.value, grid}) * kKilowattHoursPerWattSecond;
      return WorkRate{As<KilowattHours>(energy), As<Grams>(carbon).interval, {std::move(watts), pue}, false};
    };
    node.processor = rate(ResolveCore(*factors_, name, *description));
    node.accelerator = rate(ResolveAccelerators(*factors_, name, *description));
  }
  nodes_.push_back(std::move(node));
  return NodeIndex{nodes_.size() - 1};
}

Pricing::TransferRate* Pricing::FindTransferRate(const std::string& model, v1::LinkKind from,
                                                 v1::LinkKind to) {
  const auto [found, added] = transfers_.try_emplace({model, from, to});
  TransferRate& rate = found->second;
  if (added) {
    rate.factor = ResolveTransfer(*factors_, *FindNetworkModel(model), from, to, year_);
    rate.energy = As<KilowattHours>(rate.factor.factor.value * PerKilobyte(rate.factor.factor));
  }
  return &rate;
}

Pricing::EdgeIndex Pricing::AddEdge(NodeIndex from_index, NodeIndex to_index) {
  PricedEdge edge;
  edge.from = static_cast<size_t>(from_index);
  edge.to = static_cast<size_t>(to_index);
  const Node& from = nodes_[edge.from];
  const Node& to = nodes_[edge.to];
  for (const std::string& model : network_models_) {
    TransferRate* transfer = FindTransferRate(model, from.link, to.link);
    const Factor& factor = transfer->factor.factor;
    const double half_kilobyte = PerKilobyte(factor) * kShareOfEachEnd;
    const auto bounds = [&](const Node& end) {
      return As<Grams>(Product({factor.value, end.grid_intensity.factor.value}) * half_kilobyte).interval;
    };
    edge.rates.push_back({transfer, bounds(from), bounds(to)});
  }
  edges_.push_back(std::move(edge));
  return EdgeIndex{edges_.size() - 1};
}

ComputationPrice Pricing::Price(NodeIndex index, const ComputationAmounts& amounts) {
  Node& node = nodes_[static_cast<size_t>(index)];
  if (cumulator_) {
    ComputationPrice price =
        PriceWork(&node, &node.processor, absl::ToDoubleSeconds(amounts.wall) * node.processors);
    price.energy.at_most = price.carbon.at_most = amounts.wall_is_upper_bound;
    return price;
  }
  ComputationPrice price = PriceWork(&node, &node.processor, absl::ToDoubleSeconds(amounts.cpu));
  if (amounts.accelerator > absl::ZeroDuration()) {
    price += PriceWork(&node, &node.accelerator, absl::ToDoubleSeconds(amounts.accelerator));
  }
  if (amounts.cpu_is_lower_bound) {
    node.has_unpriced_wall = price.energy.at_least = price.carbon.at_least = true;
  }
  return price;
}

// Energy first, then carbon from it: with this order of operations CUMULATOR's digits come out.
ComputationPrice Pricing::PriceWork(Node* node, WorkRate* rate, double amount) {
  if (amount > 0) rate->used = node->grid_intensity_used = true;
  const Estimate<KilowattHours> energy = rate->energy * amount;
  return {As<Joules>(energy),
          {energy.central * node->intensity(), Scale(rate->carbon_bounds, amount, amount)}};
}

CommunicationPrice Pricing::Price(EdgeIndex index, Bytes counted, Bytes unconfirmed, size_t model) {
  PricedEdge& edge = edges_[static_cast<size_t>(index)];
  const EdgeRate& rate = edge.rates[model];
  TransferRate& transfer = *rate.transfer;
  Node& from = nodes_[edge.from];
  Node& to = nodes_[edge.to];
  const double low = counted.kilobytes();
  const double high = (counted + unconfirmed).kilobytes();
  if (high > 0) {
    edge.used = transfer.used = from.grid_intensity_used = to.grid_intensity_used = true;
  }
  const Estimate<KilowattHours> energy{transfer.energy.central * low,
                                       Scale(transfer.energy.interval, low, high)};
  const auto half = [&](const Node& end, const std::optional<Interval<Grams>>& bounds) {
    return Estimate<Grams>{energy.central * end.intensity() * kShareOfEachEnd, Scale(bounds, low, high)};
  };
  return {As<Joules>(energy), half(from, rate.carbon_bounds_at_from), half(to, rate.carbon_bounds_at_to)};
}

template <typename Visit>
void Pricing::VisitUsed(const Visit& visit) const {
  for (const Node& node : nodes_) {
    if (node.grid_intensity_used) visit(node.grid_intensity);
    for (const WorkRate* rate : {&node.processor, &node.accelerator}) {
      if (!rate->used) continue;
      for (const ResolvedFactor& factor : rate->factors) visit(factor);
    }
  }
  for (const auto& [key, rate] : transfers_) {
    if (rate.used) visit(rate.factor);
  }
}

std::vector<Factor> Pricing::Factors() const {
  std::map<std::string, Factor> by_name;
  VisitUsed([&](const ResolvedFactor& used) {
    const auto [factor, added] = by_name.emplace(used.factor.name, used.factor);
    if (added) return;
    for (const std::string& flag : used.factor.flags) {
      std::vector<std::string>& flags = factor->second.flags;
      if (std::find(flags.begin(), flags.end(), flag) == flags.end()) flags.push_back(flag);
    }
  });
  std::vector<Factor> factors;
  factors.reserve(by_name.size());
  for (auto& [name, factor] : by_name) factors.push_back(std::move(factor));
  return factors;
}

std::vector<std::string> Pricing::Warnings() const {
  std::map<std::string, std::vector<std::string>> subjects_by_notice;
  const auto add = [&](const Notice& notice) {
    std::vector<std::string>& subjects = subjects_by_notice[notice.what];
    if (std::find(subjects.begin(), subjects.end(), notice.subject) == subjects.end()) {
      subjects.push_back(notice.subject);
    }
  };
  VisitUsed([&](const ResolvedFactor& used) {
    for (const Notice& notice : used.notices) add(notice);
  });
  for (const PricedEdge& edge : edges_) {
    const Node& from = nodes_[edge.from];
    const Node& to = nodes_[edge.to];
    if (!edge.used || EdgeLink(from.link, to.link) != v1::LINK_KIND_FIXED) continue;
    for (const Node* end : {&from, &to}) {
      if (end->link != v1::LINK_KIND_UNSPECIFIED) continue;
      add({"the link is unknown, priced as fixed: state it (--link)", SubjectName(end->name)});
    }
  }
  for (const Node& node : nodes_) {
    if (!node.has_unpriced_wall) continue;
    add({"how long it computed is known, not how much CPU time that took: its computation is a lower bound",
         SubjectName(node.name)});
  }
  constexpr size_t kNamedSubjects = 5;
  std::vector<std::string> warnings;
  for (auto& [what, subjects] : subjects_by_notice) {
    const size_t others = subjects.size() - std::min(subjects.size(), kNamedSubjects);
    subjects.resize(subjects.size() - others);
    warnings.push_back(absl::StrCat(absl::StrJoin(subjects, ", "),
                                    others > 0 ? absl::StrCat(" and ", others, " more") : "", ": ", what));
  }
  return warnings;
}

}  // namespace fedcarbon
