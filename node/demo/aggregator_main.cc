// fedcarbon-demo-aggregator: leads four hospitals through rounds of FedAvg.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fedcarbon/meter/grpc/metered.h"
#include "fedcarbon/report/grpc/metering_service.h"
#include "fedcarbon/sync/grpc/deadline.h"
#include "node/demo/options.h"
#include "node/demo/record.h"
#include "node/demo/rounds.h"
#include "node/demo/stop_signal.h"
#include "node/demo/training_service.h"

namespace fedcarbon::demo {
namespace {

constexpr char kProgram[] = "fedcarbon-demo-aggregator";

struct Options {
  ModelOptions model;
  std::string listen = "127.0.0.1:7400";
  std::vector<std::string> hospitals = {"cleveland", "long-beach", "budapest", "zurich-basel"};
  std::string country;
  std::string record;
};

absl::StatusOr<std::unique_ptr<grpc::Server>> Serve(const std::string& address,
                                                    const std::shared_ptr<Meter>& meter,
                                                    TrainingService* service) {
  int port = 0;
  grpc::ServerBuilder builder;
  // Two servers on one port would share the hospitals between them.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service);
  MeterServer(&builder, meter);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address, ": give --listen HOST:PORT with a free port, or port 0"));
  }
  std::cout << "listening on " << address.substr(0, address.rfind(':')) << ":" << port << std::endl;
  return server;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Leads the hospitals of the demo through a training", kProgram);
  options.model.AddTo(&app);
  app.add_option("--listen", options.listen, "HOST:PORT for the hospitals; port 0 lets the system choose")
      ->capture_default_str();
  app.add_option("--hospital", options.hospitals, "A hospital of the federation; once for each")
      ->capture_default_str();
  app.add_option("--country", options.country, "Where it is: ISO 3166 alpha-3");
  app.add_option("--record", options.record, "File for the run's id and the accuracy of each round");
  if (const std::optional<int> exit = ParseCommandLine(&app, argc, argv)) return *exit;

  const char* note = std::getenv("FEDCARBON_DEMO_CANARY");
  RunOptions run;
  run.schedule = *ScheduleFor(options.model.model, options.model.rounds, options.model.seed);
  run.note = note == nullptr ? "" : note;

  MeteringServiceOptions metered;
  metered.node = kAggregator;
  metered.country = options.country;
  const absl::StatusOr<std::unique_ptr<MeteringService>> metering = MeteringService::Start(metered);
  if (!metering.ok()) return Fail(kProgram, metering.status());
  const std::shared_ptr<Meter>& meter = (*metering)->meter();

  TaskBoard board(options.hospitals);
  TrainingService service(&board, run.note);
  absl::StatusOr<std::unique_ptr<grpc::Server>> server = Serve(options.listen, meter, &service);
  if (!server.ok()) return Fail(kProgram, server.status());
  const StopSignal stop([&board] { board.Stop(); });

  run.run = meter->StartRun(absl::StrCat("heart disease, ", options.model.model), options.model.rounds);
  Record record;
  record.run = run.run;
  run.on_round = [&](uint64_t round, const Score& score) {
    std::cout << absl::StrFormat("round %2d  held-out accuracy %.3f  (%d of %d)", round, score.accuracy(),
                                 score.correct, score.rows)
              << std::endl;
    record.rounds[round] = score;
    if (absl::Status written = WriteRecord(options.record, record); !written.ok()) Fail(kProgram, written);
  };
  const absl::StatusOr<Score> score = RunRounds(run, meter, &board);
  if (score.ok()) board.WaitUntilFetched(absl::Seconds(10));
  board.Stop();
  (*server)->Shutdown(DeadlineAfter(absl::Seconds(5)));
  meter->EndRun(run.run, score.ok()             ? fedcarbon::v1::OUTCOME_COMPLETED
                         : stop.received() != 0 ? fedcarbon::v1::OUTCOME_ABANDONED
                                                : fedcarbon::v1::OUTCOME_FAILED);
  if (score.ok()) return 0;
  std::cerr << kProgram << ": " << std::string(score.status().message()) << " before the last round\n";
  return stop.received() == 0 ? 1 : 128 + stop.received();
}

}  // namespace
}  // namespace fedcarbon::demo

int main(int argc, char** argv) {
  fedcarbon::demo::BlockStopSignals();
  return fedcarbon::demo::Main(argc, argv);
}
