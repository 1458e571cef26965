#include "tests/unit/server/web/fake_query.h"

namespace fedcarbon::server {

class FootprintQuery::Impl {};

FakeQuery& TheFakeQuery() {
  static auto* const fake = new FakeQuery;
  return *fake;
}

namespace {

template <typename Request, typename Response>
absl::StatusOr<Response> Answer(const Request& request, Request* asked, const Response& response) {
  *asked = request;
  if (!TheFakeQuery().error.ok()) return TheFakeQuery().error;
  return response;
}

}  // namespace

FootprintQuery::FootprintQuery(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FootprintQuery::~FootprintQuery() = default;

absl::StatusOr<std::unique_ptr<FootprintQuery>> FootprintQuery::Create(Store*, const Clock*,
                                                                       const std::string&,
                                                                       const std::string&) {
  return std::unique_ptr<FootprintQuery>(new FootprintQuery(nullptr));
}

absl::StatusOr<v1::ListRunsResponse> FootprintQuery::ListRuns(const v1::ListRunsRequest& request) {
  return Answer(request, &TheFakeQuery().runs_asked, TheFakeQuery().runs);
}
absl::StatusOr<v1::RunFootprint> FootprintQuery::GetRun(const v1::GetRunRequest& request) {
  return Answer(request, &TheFakeQuery().run_asked, TheFakeQuery().run);
}
absl::StatusOr<v1::ListRoundsResponse> FootprintQuery::ListRounds(const v1::ListRoundsRequest& request) {
  return Answer(request, &TheFakeQuery().rounds_asked, TheFakeQuery().rounds);
}
absl::StatusOr<v1::RoundFootprint> FootprintQuery::GetRound(const v1::GetRoundRequest& request) {
  return Answer(request, &TheFakeQuery().round_asked, TheFakeQuery().round);
}
absl::StatusOr<v1::NodeRounds> FootprintQuery::GetNode(const v1::GetNodeRequest& request) {
  return Answer(request, &TheFakeQuery().node_asked, TheFakeQuery().node);
}
absl::StatusOr<v1::ListFactorsResponse> FootprintQuery::ListFactors(const v1::ListFactorsRequest& request) {
  return Answer(request, &TheFakeQuery().factors_asked, TheFakeQuery().factors);
}

}  // namespace fedcarbon::server
