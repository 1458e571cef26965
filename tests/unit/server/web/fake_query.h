// Takes the place of FootprintQuery when a test links: keeps what was asked, answers what the test wants.
#pragma once

#include <memory>

#include "server/query/footprint_query.h"

namespace fedcarbon::server {

struct FakeQuery {
  v1::ListRunsRequest runs_asked;
  v1::GetRunRequest run_asked;
  v1::ListRoundsRequest rounds_asked;
  v1::GetRoundRequest round_asked;
  v1::GetNodeRequest node_asked;
  v1::ListFactorsRequest factors_asked;

  absl::Status error;  // if not OK: the answer to everything
  v1::ListRunsResponse runs;
  v1::RunFootprint run;
  v1::ListRoundsResponse rounds;
  v1::RoundFootprint round;
  v1::NodeRounds node;
  v1::ListFactorsResponse factors;
};

/// The one that answers now. A test begins with `TheFakeQuery() = {}`.
FakeQuery& TheFakeQuery();

}  // namespace fedcarbon::server
