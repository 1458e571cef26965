#include "server/cli/commands.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "fedcarbon/files/read_file.h"
#include "fedcarbon/report/batch_format.h"
#include "fedcarbon/status/status.h"
#include "server/cli/footprint_view.h"
#include "server/cli/format.h"
#include "server/cli/inspect.h"
#include "server/cli/transfers_view.h"

namespace fedcarbon::cli {
namespace {

using Stub = v1::FootprintService::Stub;

absl::Status PrintJson(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(absl::StrCat("no JSON of the answer: ", status.ToString()));
  std::cout << json << (indented ? "" : "\n");
  return absl::OkStatus();
}

template <typename Message>
absl::Status Print(const Message& message, Format format, const Style& style,
                   std::string (*text)(const Message&, const Style&), std::string (*csv)(const Message&)) {
  if (format == Format::kJson) return PrintJson(message, true);
  std::cout << (format == Format::kTable ? text(message, style) : csv(message));
  return absl::OkStatus();
}

absl::StatusOr<v1::WatchRunResponse> ReadRun(Client* client, const FootprintOptions& options) {
  v1::GetRunRequest request;
  request.set_run(options.run);
  *request.mutable_method() = options.method;
  v1::WatchRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(), client->Call(&Stub::GetRun, request));
  v1::ListRoundsRequest rounds;
  rounds.set_run(response.run().run().id());
  *rounds.mutable_method() = options.method;
  do {
    ASSIGN_OR_RETURN(const v1::ListRoundsResponse page, client->Call(&Stub::ListRounds, rounds));
    response.mutable_rounds()->MergeFrom(page.rounds());
    rounds.set_page_token(page.next_page_token());
  } while (!rounds.page_token().empty());
  return response;
}

/// What concerns one node of a round.
absl::Status KeepNode(const std::string& node, v1::RoundFootprint* round) {
  const auto found = std::find_if(round->nodes().begin(), round->nodes().end(),
                                  [&](const v1::NodeFootprint& entry) { return entry.node() == node; });
  if (found == round->nodes().end()) {
    return absl::NotFoundError(
        absl::StrCat("node '", node, "' has no part in round ", round->summary().round()));
  }
  const v1::NodeFootprint kept = *found;
  round->clear_nodes();
  *round->add_nodes() = kept;
  *round->mutable_summary()->mutable_footprint() = kept.footprint();
  auto* edges = round->mutable_edges();
  edges->erase(std::remove_if(edges->begin(), edges->end(),
                              [&](const v1::Edge& edge) { return edge.from() != node && edge.to() != node; }),
               edges->end());
  return absl::OkStatus();
}

}  // namespace

absl::Status Footprint(Client* client, const FootprintOptions& options, const Style& style) {
  if (options.round) {
    v1::GetRoundRequest request;
    request.set_run(options.run);
    request.set_round(*options.round);
    *request.mutable_method() = options.method;
    ASSIGN_OR_RETURN(v1::RoundFootprint round, client->Call(&Stub::GetRound, request));
    if (!options.node.empty()) {
      RETURN_IF_ERROR(KeepNode(options.node, &round));
    }
    return Print(round, options.format, style, RoundText, RoundCsv);
  }
  if (!options.node.empty()) {
    v1::GetNodeRequest request;
    request.set_run(options.run);
    request.set_node(options.node);
    *request.mutable_method() = options.method;
    ASSIGN_OR_RETURN(const v1::NodeRounds node, client->Call(&Stub::GetNode, request));
    return Print(node, options.format, style, NodeText, NodeCsv);
  }
  ASSIGN_OR_RETURN(const v1::WatchRunResponse run, ReadRun(client, options));
  return Print(run, options.format, style, RunText, RunCsv);
}

absl::Status Transfers(Client* client, const v1::ListTransfersRequest& request, Format format,
                       const Style& style) {
  auto progress = std::make_unique<Progress>("reading transfers");
  grpc::ClientContext context;
  const auto reader = client->stub()->ListTransfers(&context, request);
  v1::TransferPair pair;
  uint64_t count = 0;
  while (reader->Read(&pair)) {
    if (count++ == 0) {
      progress.reset();
      if (format == Format::kCsv) std::cout << TransferCsvHeader();
      if (format == Format::kTable) std::cout << TransferTextHeader(style);
    }
    if (format == Format::kJson) {
      RETURN_IF_ERROR(PrintJson(pair, false));
    } else {
      std::cout << (format == Format::kTable ? TransferText(pair, style) : TransferCsv(pair));
    }
  }
  progress.reset();
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return client->Explain(status);
  if (count == 0) std::cerr << "fedcarbon: no transfer matches\n";
  return absl::OkStatus();
}

absl::Status PrintImpact(Client* client, const std::string& run, const v1::Method& method,
                         ImpactInput input) {
  v1::GetRunRequest request;
  request.set_run(run);
  *request.mutable_method() = method;
  ASSIGN_OR_RETURN(const v1::RunFootprint footprint, client->Call(&Stub::GetRun, request));
  input.ml_models = Grams(footprint.footprint().total().central());
  ASSIGN_OR_RETURN(const Impact impact, ComputeImpact(input));
  std::cout << ImpactStatement(impact);
  if (footprint.footprint().total().at_least()) {
    std::cerr << "fedcarbon: not all of the run was metered: its line is a lower bound\n";
  }
  return absl::OkStatus();
}

absl::Status Inspect(const std::string& path, const Style& style) {
  ASSIGN_OR_RETURN(const std::string sealed, ReadFileOrStandardInput(path, kMaxSealedBatchBytes));
  const auto text = InspectText(sealed, style);
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat(path, " is no sealed batch (fedcarbon-coordinator export writes them): ",
                                     text.status().message()));
  }
  std::cout << *text;
  return absl::OkStatus();
}

}  // namespace fedcarbon::cli
