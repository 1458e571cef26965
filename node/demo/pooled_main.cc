// fedcarbon-demo-pooled: what the same schedule reaches if all patients lay in one place. Only a comparison:
// in a federation nobody could run it.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "node/demo/options.h"
#include "node/demo/record.h"
#include "node/demo/training.h"

namespace fedcarbon::demo {
namespace {

constexpr char kProgram[] = "fedcarbon-demo-pooled";

int Main(int argc, char** argv) {
  ModelOptions model;
  std::vector<std::string> files;
  std::string record_file;
  CLI::App app("Trains the demo's model on all hospitals' patients at once, for comparison", kProgram);
  model.AddTo(&app);
  app.add_option("data", files, "CSV file of each hospital")->required();
  app.add_option("--record", record_file, "File for the accuracy");
  if (const std::optional<int> exit = ParseCommandLine(&app, argc, argv)) return *exit;

  std::vector<Split> hospitals;
  for (const std::string& file : files) {
    const absl::StatusOr<Patients> patients = LoadPatients(file);
    if (!patients.ok()) return Fail(kProgram, patients.status());
    hospitals.push_back(SplitPatients(*patients, model.seed));
  }
  Record record;
  record.pooled = TrainPooled(hospitals, *ScheduleFor(model.model, model.rounds, model.seed));
  std::cout << absl::StrFormat("pooled data: held-out accuracy %.3f  (%d of %d)\n", record.pooled.accuracy(),
                               record.pooled.correct, record.pooled.rows);
  const absl::Status written = WriteRecord(record_file, record);
  return written.ok() ? 0 : Fail(kProgram, written);
}

}  // namespace
}  // namespace fedcarbon::demo

int main(int argc, char** argv) { return fedcarbon::demo::Main(argc, argv); }
