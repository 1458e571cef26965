// fedcarbon-demo-hospital: trains on its own patients what the aggregator asks for.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/grpc/metered.h"
#include "fedcarbon/report/grpc/metering_service.h"
#include "fedcarbon/status/status.h"
#include "node/demo/aggregator_client.h"
#include "node/demo/hospital.h"
#include "node/demo/options.h"
#include "node/demo/stop_signal.h"

namespace fedcarbon::demo {
namespace {

constexpr char kProgram[] = "fedcarbon-demo-hospital";

struct Options {
  std::string node;
  std::string country;
  std::string data;
  std::string aggregator = "127.0.0.1:7400";
  std::string record;
};

absl::Status RecordBytes(const Options& options, const AggregatorClient& aggregator) {
  Record record;
  record.bytes[options.node] = aggregator.bytes();
  return WriteRecord(options.record, record);
}

RoundId RoundOf(const v1::Task& task) {
  return {task.run(), task.has_round() ? std::optional<uint64_t>(task.round()) : std::nullopt};
}

/// Does task after task until the training is over.
absl::Status Work(const Options& options, const Hospital& hospital, AggregatorClient* aggregator) {
  while (true) {
    ASSIGN_OR_RETURN(const v1::Task task, aggregator->GetTask());
    RETURN_IF_ERROR(RecordBytes(options, *aggregator));
    if (task.has_finish()) return absl::OkStatus();
    const RoundScope scope(RoundOf(task));
    ASSIGN_OR_RETURN(const v1::Result result, hospital.Do(task));
    RETURN_IF_ERROR(aggregator->SubmitResult(result));
    RETURN_IF_ERROR(RecordBytes(options, *aggregator));
  }
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("A hospital of the demo: trains on its own patients", kProgram);
  app.add_option("--node", options.node, "The hospital's name: cleveland, ...")->required();
  app.add_option("--country", options.country, "Where it is: ISO 3166 alpha-3");
  app.add_option("--data", options.data, "CSV file of its patients")->required();
  app.add_option("--aggregator", options.aggregator, "HOST:PORT")->capture_default_str();
  app.add_option("--record", options.record, "File for its own count of bytes");
  if (const std::optional<int> exit = ParseCommandLine(&app, argc, argv)) return *exit;

  absl::StatusOr<Patients> patients = LoadPatients(options.data);
  if (!patients.ok()) return Fail(kProgram, patients.status());
  std::cout << options.node << ": " << patients->size() << " patients with complete rows" << std::endl;

  MeteringServiceOptions metered;
  metered.node = options.node;
  metered.country = options.country;
  const absl::StatusOr<std::unique_ptr<MeteringService>> metering = MeteringService::Start(metered);
  if (!metering.ok()) return Fail(kProgram, metering.status());
  const std::shared_ptr<Meter>& meter = (*metering)->meter();

  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  const char* note = std::getenv("FEDCARBON_DEMO_CANARY");
  AggregatorClient aggregator(
      CreateMeteredChannel(options.aggregator, grpc::InsecureChannelCredentials(), meter, {}, arguments),
      options.node, note == nullptr ? "" : note);
  const StopSignal stop([&aggregator] { aggregator.Stop(); });

  const Hospital hospital(options.node, *std::move(patients), meter);
  const absl::Status done = Work(options, hospital, &aggregator);
  std::cout << options.node << ": sent " << aggregator.bytes().sent << " bytes, received "
            << aggregator.bytes().received << " bytes by its own count" << std::endl;
  if (stop.received() != 0) return 128 + stop.received();
  return done.ok() ? 0 : Fail(kProgram, done);
}

}  // namespace
}  // namespace fedcarbon::demo

int main(int argc, char** argv) {
  fedcarbon::demo::BlockStopSignals();
  return fedcarbon::demo::Main(argc, argv);
}
