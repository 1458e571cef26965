// Which factor holds for a node or an edge, and what a person has to know about the choice. Private to
// lib/fedcarbon/carbon.
//
// Pure functions: thread-safe. They never fail: what is unknown gets a default and a notice. A node's name is
// empty for the unknown node.
#pragma once

#include <string>
#include <vector>

#include "fedcarbon/carbon/factors.h"
#include "fedcarbon/carbon/network.h"
#include "fedcarbon/v1/facts.pb.h"

namespace fedcarbon {

/// "no PUE was measured: 1.8 is assumed", of "zurich".
struct Notice {
  std::string what;
  std::string subject;
};

struct ResolvedFactor {
  Factor factor;
  std::vector<Notice> notices;
};

/// A node's name for people.
std::string SubjectName(const std::string& node);

/// The country's, else the world's, flagged; a year other than the run's is flagged.
ResolvedFactor ResolveGridIntensity(const FactorSet& factors, const std::string& node,
                                    const std::string& country, int year);

/// What the site measured, P5-P95 x/÷ 1.05 and never below 1; else a default.
ResolvedFactor ResolvePue(const FactorSet& factors, const std::string& node, const v1::Node& description);

/// Watts of one busy core: thermal design power / cores, P5-P95 x/÷ 2.0; else a default.
ResolvedFactor ResolveCore(const FactorSet& factors, const std::string& node, const v1::Node& description);

/// Watts of all accelerators while one second of accelerator time passes: number x design power, P5-P95
/// x/÷ 2.0; a default for each that states none.
ResolvedFactor ResolveAccelerators(const FactorSet& factors, const std::string& node,
                                   const v1::Node& description);

/// The network model's factor for the edge's link; without one for that kind, the one for fixed, flagged.
ResolvedFactor ResolveTransfer(const FactorSet& factors, const NetworkModel& model, v1::LinkKind from,
                               v1::LinkKind to, int year);

}  // namespace fedcarbon
