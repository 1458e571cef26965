#include "server/web/api.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

using Path = std::vector<std::string>;

template <typename Message>
Response Answer(const absl::StatusOr<Message>& answer) {
  return answer.ok() ? JsonResponse(*answer) : ErrorResponse(answer.status());
}

void ReadMethod(ParameterReader* parameters, v1::Method* method) {
  method->set_model(parameters->Text("model"));
  for (std::string& model : parameters->Texts("network_model")) method->add_network_models(std::move(model));
}

template <typename Request>
void ReadPage(ParameterReader* parameters, Request* request) {
  request->set_page_size(static_cast<uint32_t>(parameters->Number("page_size", 1, kMaxPageSize).value_or(0)));
  request->set_page_token(parameters->Text("page_token"));
}

absl::StatusOr<v1::ListRunsResponse> ListRuns(FootprintQuery* query, ParameterReader* parameters) {
  v1::ListRunsRequest request;
  ReadPage(parameters, &request);
  RETURN_IF_ERROR(parameters->Finish());
  return query->ListRuns(request);
}

absl::StatusOr<v1::RunFootprint> GetRun(FootprintQuery* query, const std::string& run,
                                        ParameterReader* parameters) {
  v1::GetRunRequest request;
  request.set_run(run);
  ReadMethod(parameters, request.mutable_method());
  RETURN_IF_ERROR(parameters->Finish());
  return query->GetRun(request);
}

absl::StatusOr<v1::ListRoundsResponse> ListRounds(FootprintQuery* query, const std::string& run,
                                                  ParameterReader* parameters) {
  v1::ListRoundsRequest request;
  request.set_run(run);
  ReadMethod(parameters, request.mutable_method());
  ReadPage(parameters, &request);
  const std::optional<uint64_t> from = parameters->Number("from", 0, UINT64_MAX);
  const std::optional<uint64_t> to = parameters->Number("to", 0, UINT64_MAX);
  if (from) request.set_from(*from);
  if (to) request.set_to(*to);
  RETURN_IF_ERROR(parameters->Finish());
  if (from && to && *from > *to) {
    return absl::InvalidArgumentError(absl::StrCat("from: ", *from, " is after to: ", *to));
  }
  return query->ListRounds(request);
}

absl::StatusOr<v1::RoundFootprint> GetRound(FootprintQuery* query, const std::string& run,
                                            const std::string& round, ParameterReader* parameters) {
  v1::GetRoundRequest request;
  request.set_run(run);
  const std::optional<uint64_t> number = ParseNumber(round);
  if (!number) {
    return absl::InvalidArgumentError(
        absl::StrCat("round: \"", absl::Utf8SafeCHexEscape(round), "\" is not a whole number"));
  }
  request.set_round(*number);
  ReadMethod(parameters, request.mutable_method());
  RETURN_IF_ERROR(parameters->Finish());
  return query->GetRound(request);
}

absl::StatusOr<v1::NodeRounds> GetNode(FootprintQuery* query, const std::string& run, const std::string& node,
                                       ParameterReader* parameters) {
  v1::GetNodeRequest request;
  request.set_run(run);
  request.set_node(node);
  ReadMethod(parameters, request.mutable_method());
  RETURN_IF_ERROR(parameters->Finish());
  return query->GetNode(request);
}

absl::StatusOr<v1::ListFactorsResponse> ListFactors(FootprintQuery* query, ParameterReader* parameters) {
  v1::ListFactorsRequest request;
  ReadMethod(parameters, request.mutable_method());
  RETURN_IF_ERROR(parameters->Finish());
  return query->ListFactors(request);
}

}  // namespace

Response AnswerApi(FootprintQuery* query, const Target& target) {
  const Path path(target.path.begin() + 2, target.path.end());
  ParameterReader parameters(target.parameters);
  if (path == Path{"factors"}) return Answer(ListFactors(query, &parameters));
  if (path == Path{"runs"}) return Answer(ListRuns(query, &parameters));
  if (path.size() >= 2 && path[0] == "runs" && !path[1].empty()) {
    const std::string& run = path[1];
    if (path.size() == 2) return Answer(GetRun(query, run, &parameters));
    if (path.size() == 3 && path[2] == "rounds") return Answer(ListRounds(query, run, &parameters));
    if (path.size() == 4 && path[2] == "rounds") return Answer(GetRound(query, run, path[3], &parameters));
    if (path.size() == 4 && path[2] == "nodes") return Answer(GetNode(query, run, path[3], &parameters));
  }
  return ErrorResponse(absl::NotFoundError(
      "no such path; there are /api/v1/runs, /api/v1/runs/{id}, /api/v1/runs/{id}/rounds, "
      "/api/v1/runs/{id}/rounds/{n}, /api/v1/runs/{id}/nodes/{name} and /api/v1/factors"));
}

}  // namespace fedcarbon::server
