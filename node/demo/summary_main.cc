// fedcarbon-demo-summary: what the demo's programs recorded, beside what the coordinator holds. The bytes
// must agree.
#include <grpcpp/grpcpp.h>

#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fedcarbon/status/grpc/status.h"
#include "fedcarbon/sync/grpc/deadline.h"
#include "fedcarbon/v1/footprint.grpc.pb.h"
#include "node/demo/options.h"
#include "node/demo/record.h"

namespace fedcarbon::demo {
namespace {

namespace api = fedcarbon::v1;

constexpr char kProgram[] = "fedcarbon-demo-summary";
constexpr absl::Duration kDeadline = absl::Seconds(30);

/// A run as the coordinator holds it.
struct Reported {
  api::RunFootprint run;
  std::vector<api::RoundSummary> rounds;
};

absl::Status FromGrpc(const std::string& coordinator, const grpc::Status& status) {
  return absl::Status(fedcarbon::FromGrpc(status).code(),
                      absl::StrCat("asking the coordinator at ", coordinator, ": ", status.error_message()));
}

absl::StatusOr<Reported> Fetch(const std::string& coordinator, const std::string& run) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto stub = api::FootprintService::NewStub(
      grpc::CreateCustomChannel(coordinator, grpc::InsecureChannelCredentials(), arguments));
  const gpr_timespec deadline = DeadlineAfter(kDeadline);

  Reported reported;
  api::GetRunRequest run_request;
  run_request.set_run(run);
  grpc::ClientContext run_context;
  run_context.set_deadline(deadline);
  grpc::Status status = stub->GetRun(&run_context, run_request, &reported.run);
  api::ListRoundsRequest rounds_request;
  rounds_request.set_run(run);
  while (status.ok()) {
    api::ListRoundsResponse page;
    grpc::ClientContext context;
    context.set_deadline(deadline);
    status = stub->ListRounds(&context, rounds_request, &page);
    reported.rounds.insert(reported.rounds.end(), page.rounds().begin(), page.rounds().end());
    if (page.next_page_token().empty()) break;
    rounds_request.set_page_token(page.next_page_token());
  }
  if (!status.ok()) return FromGrpc(coordinator, status);
  return reported;
}

/// 12345678 as 12,345,678.
std::string Grouped(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(at, ",");
  return digits;
}

std::string Grams(const api::Estimate& estimate) {
  return absl::StrFormat("%s%.4g", estimate.at_least() ? "≥ " : "", estimate.central());
}

void PrintRow(const std::string& round, const std::string& accuracy, const api::Footprint& footprint) {
  std::cout << absl::StrFormat("%12s  %18s  %12s  %12s  %13s\n", round, accuracy,
                               Grams(footprint.computation()), Grams(footprint.communication()),
                               Grouped(footprint.counted_bytes()));
}

std::string Accuracy(const Score& score) {
  return absl::StrFormat("%.3f (%d of %d)", score.accuracy(), score.correct, score.rows);
}

void PrintRounds(const Record& record, const Reported& reported) {
  std::cout << absl::StrFormat("%12s  %18s  %12s  %12s  %13s\n", "round", "held-out accuracy",
                               "compute gCO2e", "network gCO2e", "bytes");
  for (const api::RoundSummary& round : reported.rounds) {
    const auto score = record.rounds.find(round.round());
    PrintRow(absl::StrCat(round.round()), score == record.rounds.end() ? "" : Accuracy(score->second),
             round.footprint());
  }
  PrintRow("unattributed", "", reported.run.unattributed());
  PrintRow("total", "", reported.run.footprint());
  if (record.pooled.rows == 0 || record.rounds.empty()) return;
  const Score& last = record.rounds.rbegin()->second;
  std::cout << absl::StrFormat("\nThe same model on pooled data: %s; the federation is %.3f from it.\n",
                               Accuracy(record.pooled), std::abs(last.accuracy() - record.pooled.accuracy()));
}

uint64_t EdgeBytes(const api::RunFootprint& run, const std::string& from, const std::string& to) {
  for (const api::Edge& edge : run.edges()) {
    if (edge.from() == from && edge.to() == to) return edge.message_bytes();
  }
  return 0;
}

/// True if every hospital's own count is the coordinator's.
bool PrintBytes(const Record& record, const api::RunFootprint& run) {
  std::cout << absl::StrFormat("\n%14s  %13s  %13s  %13s  %13s\n", "message bytes", "sent", "coordinator",
                               "received", "coordinator");
  bool all_agree = !record.bytes.empty();
  for (const auto& [hospital, own] : record.bytes) {
    const uint64_t sent = EdgeBytes(run, hospital, kAggregator);
    const uint64_t received = EdgeBytes(run, kAggregator, hospital);
    const bool agree = own.sent == sent && own.received == received;
    all_agree = all_agree && agree;
    std::cout << absl::StrFormat("%14s  %13s  %13s  %13s  %13s  %s\n", hospital, Grouped(own.sent),
                                 Grouped(sent), Grouped(own.received), Grouped(received),
                                 agree ? "equal" : "DIFFERENT");
  }
  return all_agree;
}

int Main(int argc, char** argv) {
  std::string coordinator = "127.0.0.1:7433";
  std::vector<std::string> files;
  CLI::App app("Holds the demo's own records against the coordinator", kProgram);
  app.add_option("--coordinator", coordinator, "HOST:PORT of its report service")->capture_default_str();
  app.add_option("record", files, "Records of the aggregator, the hospitals and the pooled training")
      ->required();
  if (const std::optional<int> exit = ParseCommandLine(&app, argc, argv)) return *exit;

  const absl::StatusOr<Record> record = ReadRecords(files);
  if (!record.ok()) return Fail(kProgram, record.status());
  const absl::StatusOr<Reported> reported = Fetch(coordinator, record->run);
  if (!reported.ok()) return Fail(kProgram, reported.status());
  PrintRounds(*record, *reported);
  if (PrintBytes(*record, reported->run)) return 0;
  return Fail(
      kProgram,
      absl::DataLossError("the coordinator's bytes are not those that the hospitals counted for themselves"));
}

}  // namespace
}  // namespace fedcarbon::demo

int main(int argc, char** argv) { return fedcarbon::demo::Main(argc, argv); }
