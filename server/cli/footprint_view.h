// Footprints as tables and as CSV.
#pragma once

#include <string>

#include "fedcarbon/v1/footprint.pb.h"
#include "server/cli/table.h"

namespace fedcarbon::cli {

/// A run: totals, rounds, nodes, how long they computed, edges, what was waste, what stands outside the
/// rounds, factors and warnings. Ends with CUMULATOR's text block where the model is cumulator/2020.
std::string RunText(const v1::WatchRunResponse& run, const Style& style);
std::string RoundText(const v1::RoundFootprint& round, const Style& style);
std::string NodeText(const v1::NodeRounds& node, const Style& style);

/// One line per scope: the run, each round, node and edge, each category of waste, what is unattributed with
/// its waste, and fedcarbon's own. Quantities carry their unit in the header; an interval that is not stated
/// is empty.
std::string RunCsv(const v1::WatchRunResponse& run);
std::string RoundCsv(const v1::RoundFootprint& round);
std::string NodeCsv(const v1::NodeRounds& node);

/// The head of a run, its totals and its last rounds and nodes: one screen of `fedcarbon watch`.
std::string WatchText(const v1::WatchRunResponse& run, const Style& style);

}  // namespace fedcarbon::cli
