// fedcarbon: what a training cost, at a terminal.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "fedcarbon/carbon/factor.h"
#include "fedcarbon/files/read_file.h"
#include "fedcarbon/status/status.h"
#include "server/cli/commands.h"
#include "server/cli/format.h"

namespace {

using namespace fedcarbon::cli;
namespace v1 = fedcarbon::v1;

constexpr size_t kNarrowest = 80;  // numbers are not cut: below this, lines wrap

Style StyleOfStdout() {
  Style style;
  if (isatty(STDOUT_FILENO) == 0) return style;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = std::max<size_t>(size.ws_col, kNarrowest);
  }
  const char* no_color = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): before any thread
  style.color = no_color == nullptr || *no_color == '\0';
  return style;
}

struct MethodOptions {
  std::string model;
  std::vector<std::string> network_models;
  std::string factors;

  void AddTo(CLI::App* command) {
    command->add_option("--model", model, "fl.round/1 (default) or cumulator/2020");
    command->add_option("--network-model", network_models,
                        "network model, the first counts; may be given again (default net.default/1)");
    command->add_option("--factors", factors, "TOML file of factors to use instead of the coordinator's");
  }

  absl::StatusOr<v1::Method> Read() const {
    v1::Method method;
    method.set_model(model);
    for (const std::string& network : network_models) method.add_network_models(network);
    if (factors.empty()) return method;
    ASSIGN_OR_RETURN(std::string toml,
                     fedcarbon::ReadFileOrStandardInput(factors, fedcarbon::kMaxFactorsText));
    method.set_factors_toml(std::move(toml));
    method.set_factors_name(factors);
    return method;
  }
};

struct ImpactOptions {
  std::string run;
  double data_traffic = 0;
  double screening = 0;
  double weeks = 14;
  double meeting_minutes = 45;
  double hardware_watts = 40;
};

/// One of table, json, csv.
void AddFormat(CLI::App* command, std::string* format) {
  command->add_option("--format", *format, "table, json or csv")
      ->check(CLI::IsMember({"table", "json", "csv"}))
      ->capture_default_str();
}

Format ToFormat(const std::string& text) {
  return text == "json" ? Format::kJson : text == "csv" ? Format::kCsv : Format::kTable;
}

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::cout << std::flush;
  std::cerr << "fedcarbon: " << Printable(status.message()) << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What federated training costs in energy and carbon.", "fedcarbon");
  app.require_subcommand(1);
  app.fallthrough();
  std::string address = "127.0.0.1:7433";
  bool insecure = false;
  app.add_option("--coordinator", address, "HOST:PORT of the coordinator")
      ->envname("FEDCARBON_COORDINATOR")
      ->capture_default_str();
  app.add_flag("--insecure", insecure, "accept a coordinator on another machine, over an open connection")
      ->envname("FEDCARBON_INSECURE");

  const char* const run_help = "id of the run, a unique prefix of it, or its name (default: the latest)";
  std::string format = "table";
  FootprintOptions footprint;
  MethodOptions method;
  uint64_t round = 0;
  CLI::App* footprint_command = app.add_subcommand("footprint", "what a run cost, per round and per node");
  footprint_command->add_option("--run", footprint.run, run_help);
  CLI::Option* footprint_round = footprint_command->add_option("--round", round, "one round only");
  footprint_command->add_option("--node", footprint.node, "one node only");
  method.AddTo(footprint_command);
  AddFormat(footprint_command, &format);

  v1::ListTransfersRequest transfers;
  std::string transfers_run, transfers_node, transfers_method;
  bool unattributed = false;
  CLI::App* transfers_command =
      app.add_subcommand("transfers", "every transfer as both its ends saw it: the communication audit");
  CLI::Option* transfers_run_option = transfers_command->add_option("--run", transfers_run, run_help);
  CLI::Option* transfers_round = transfers_command->add_option("--round", round, "of one round only");
  transfers_command->add_option("--node", transfers_node, "from or to one node only");
  transfers_command->add_option("--method", transfers_method, "of one method only");
  transfers_command->add_flag("--unattributed", unattributed, "instead: transfers that named no run")
      ->excludes(transfers_run_option)
      ->excludes(transfers_round);
  AddFormat(transfers_command, &format);

  std::string watched;
  CLI::App* watch_command = app.add_subcommand("watch", "a run while it goes on, until it ends or Ctrl-C");
  watch_command->add_option("--run", watched,
                            "id of the run, a unique prefix, or its name (default: the latest, or the next)");
  method.AddTo(watch_command);

  ImpactOptions impact;
  CLI::App* impact_command = app.add_subcommand(
      "impact", "CUMULATOR's impact statement of a project, the run filling its \"ML models\"");
  impact_command->add_option("--run", impact.run, run_help);
  impact_command->add_option("--data-traffic", impact.data_traffic, "gCO2e of the project's internet use")
      ->capture_default_str();
  impact_command->add_option("--screening", impact.screening, "hours of screen time per week")
      ->capture_default_str();
  impact_command->add_option("--weeks", impact.weeks, "weeks of the project")->capture_default_str();
  impact_command->add_option("--meeting-minutes", impact.meeting_minutes, "minutes of the weekly meeting")
      ->capture_default_str();
  impact_command
      ->add_option("--hardware-watts", impact.hardware_watts, "watts of the computer while screening")
      ->capture_default_str();
  method.AddTo(impact_command);

  std::string path;
  CLI::App* inspect_command = app.add_subcommand("inspect", "a sealed batch as text: all that leaves a node");
  inspect_command->add_option("file", path, "a sealed batch, or - for stdin")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const Style style = StyleOfStdout();
  if (*inspect_command) return Report(Inspect(path, style));

  auto applied = method.Read();
  if (!applied.ok()) return Report(applied.status());
  auto client = Client::Connect(address, insecure);
  if (!client.ok()) {
    Report(client.status());
    return 2;
  }
  if (insecure)
    std::cerr << "fedcarbon: the connection to " << address << " is neither encrypted nor authenticated\n";
  if (*footprint_command) {
    if (*footprint_round) footprint.round = round;
    footprint.format = ToFormat(format);
    footprint.method = *std::move(applied);
    return Report(Footprint(&*client, footprint, style));
  }
  if (*transfers_command) {
    transfers.set_run(transfers_run);
    transfers.set_node(transfers_node);
    transfers.set_method(transfers_method);
    transfers.set_unattributed(unattributed);
    if (*transfers_round) transfers.set_round(round);
    return Report(Transfers(&*client, transfers, ToFormat(format), style));
  }
  if (*watch_command) {
    v1::WatchRunRequest request;
    request.set_run(watched);
    *request.mutable_method() = *std::move(applied);
    return Report(Watch(&*client, request, style));
  }
  fedcarbon::ImpactInput input;
  input.data_traffic = fedcarbon::Grams(impact.data_traffic);
  input.screening_per_week = absl::Hours(1) * impact.screening;
  input.weeks = impact.weeks;
  input.meeting = absl::Minutes(1) * impact.meeting_minutes;
  input.hardware = fedcarbon::Watts(impact.hardware_watts);
  return Report(PrintImpact(&*client, impact.run, *applied, input));
}
