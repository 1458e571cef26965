#include "fedcarbon/carbon/resolved_factor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace fedcarbon {
namespace {

constexpr double kMeasuredPueSpread = 1.05;
constexpr double kDesignPowerSpread = 2.0;

// A factor that holds for one node alone.
Factor NodeFactor(const std::string& node, const char* what, Estimate<double> value, Unit unit,
                  const char* source, v1::Factor::Kind kind) {
  Factor factor;
  factor.name = absl::StrCat("node.", node.empty() ? "unknown" : node, ".", what);
  factor.value = value;
  factor.unit = unit;
  factor.source = source;
  factor.kind = kind;
  if (value.interval.has_value()) factor.meaning = kP5ToP95;
  return factor;
}

}  // namespace

std::string SubjectName(const std::string& node) { return node.empty() ? "(unknown node)" : node; }

ResolvedFactor ResolveGridIntensity(const FactorSet& factors, const std::string& node,
                                    const std::string& country, int year) {
  ResolvedFactor resolved;
  const auto found = factors.grid_intensity.find(country);
  if (found != factors.grid_intensity.end()) {
    resolved.factor = found->second;
  } else {
    resolved.factor = factors.grid_intensity.find(kWorld)->second;
    resolved.notices.push_back({country.empty()
                                    ? "no country is known, priced at the world average: state it (--country)"
                                    : absl::StrCat("there is no grid intensity for \"", country,
                                                   "\", priced at the world average: correct --country, or "
                                                   "replace the table by a factors file"),
                                SubjectName(node)});
  }
  Factor& factor = resolved.factor;
  if (factor.year != 0 && factor.year != year) {
    const std::string flag = absl::StrCat(factor.year, " for a run of ", year);
    factor.flags.push_back(flag);
    resolved.notices.push_back(
        {absl::StrCat("the factor is of ", flag, ": a factors file can state a newer one"), factor.name});
  }
  return resolved;
}

ResolvedFactor ResolvePue(const FactorSet& factors, const std::string& node, const v1::Node& description) {
  const double stated = description.pue_thousandths() / 1000.0;
  if (stated >= 1) {
    Estimate<double> value = WithinFactor(stated, kMeasuredPueSpread);
    value.interval->low = std::max(value.interval->low, 1.0);
    return {NodeFactor(node, "pue", value, Unit::kOne, "measured by the site", v1::Factor::KIND_MEASURED),
            {}};
  }
  const bool datacentre = description.link() == v1::LINK_KIND_DATACENTRE;
  const Factor& assumed = datacentre ? factors.pue_datacentre : factors.pue_other;
  const char* why = description.has_pue_thousandths() ? "the stated PUE is below 1, which cannot be"
                                                      : "no PUE was measured";
  return {assumed,
          {{absl::StrCat(why, ": ", assumed.value.central, " (", assumed.name, ") is assumed (--pue)"),
            SubjectName(node)}}};
}

ResolvedFactor ResolveCore(const FactorSet& factors, const std::string& node, const v1::Node& description) {
  if (description.cpu_tdp_watts() > 0 && description.cpu_cores() > 0) {
    const double watts = static_cast<double>(description.cpu_tdp_watts()) / description.cpu_cores();
    return {NodeFactor(node, "watts_per_core", WithinFactor(watts, kDesignPowerSpread), Unit::kWatts,
                       "thermal design power / cores", v1::Factor::KIND_ESTIMATED),
            {}};
  }
  const Factor& assumed = factors.watts_per_core;
  return {assumed,
          {{absl::StrCat("the processor's design power is unknown: ", assumed.value.central,
                         " W per core is assumed"),
            SubjectName(node)}}};
}

ResolvedFactor ResolveAccelerators(const FactorSet& factors, const std::string& node,
                                   const v1::Node& description) {
  const Factor& assumed = factors.accelerator_watts;
  const std::string what =
      absl::StrCat("the accelerator's design power is unknown: ", assumed.value.central, " W is assumed");
  Estimate<double> watts;
  uint64_t known = 0;
  uint64_t unknown = 0;
  for (const v1::Accelerator& accelerator : description.accelerators()) {
    if (accelerator.tdp_watts() > 0) {
      watts += WithinFactor(accelerator.tdp_watts(), kDesignPowerSpread) * accelerator.count();
      known += accelerator.count();
    } else {
      watts += assumed.value * accelerator.count();
      unknown += accelerator.count();
    }
  }
  if (known + unknown == 0) return {assumed, {{what, SubjectName(node)}}};
  ResolvedFactor resolved{NodeFactor(node, "accelerator_watts", watts, Unit::kWatts,
                                     "thermal design power x number", v1::Factor::KIND_ESTIMATED),
                          {}};
  if (unknown > 0) {
    resolved.factor.flags.push_back(
        absl::StrCat(unknown, " of ", known + unknown, " at the default of ", assumed.value.central, " W"));
    resolved.notices.push_back({what, SubjectName(node)});
  }
  return resolved;
}

ResolvedFactor ResolveTransfer(const FactorSet& factors, const NetworkModel& model, v1::LinkKind from,
                               v1::LinkKind to, int year) {
  const v1::LinkKind link = EdgeLink(from, to);
  if (std::optional<Factor> factor = factors.Network(model, link, year); factor.has_value()) {
    const bool unknown = from == v1::LINK_KIND_UNSPECIFIED || to == v1::LINK_KIND_UNSPECIFIED;
    if (link == v1::LINK_KIND_FIXED && unknown) factor->flags.push_back("link unknown: fixed is used");
    return {*std::move(factor), {}};
  }
  ResolvedFactor fixed{*factors.Network(model, v1::LINK_KIND_FIXED, year), {}};
  const std::string flag = absl::StrCat("no constant for ", LinkName(link), " links: fixed is used");
  fixed.factor.flags.push_back(flag);
  fixed.notices.push_back({flag, model.id});
  return fixed;
}

}  // namespace fedcarbon
