// fedcarbon-coordinator: reads the command line. Exit status: 0 done, 1 failed, 2 wrong usage.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "absl/time/time.h"
#include "fedcarbon/net/address.h"
#include "server/maintenance.h"
#include "server/serve.h"

namespace fedcarbon::server {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// A validator for CLI11: empty, or what is wrong.
std::string CheckAddress(const std::string& text) {
  return std::string(ParseAddress(text).status().message());
}

absl::StatusOr<absl::Time> ParseTime(const std::string& text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%Y-%m-%d", text, &time, &error) ||
      absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return time;
  }
  return absl::InvalidArgumentError("'" + text + "' is no time: write 2026-01-31 or 2026-01-31T12:00:00Z");
}

std::string CheckTime(const std::string& text) { return std::string(ParseTime(text).status().message()); }

sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "fedcarbon-coordinator: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kWrongUsage : kFailed;
}

int Main(int argc, char** argv) {
  ServeOptions serve;
  std::string grpc = "127.0.0.1:7433";
  std::string http = "127.0.0.1:7480";
  CLI::App app("Takes in what nodes report, keeps it, and says what it cost.", "fedcarbon-coordinator");
  app.set_config("--config", "", "TOML file with the same names");
  app.add_option("--data", serve.data, "Folder of the database; created if its parent exists")
      ->envname("FEDCARBON_DATA")
      ->required();
  app.add_option("--grpc", grpc, "HOST:PORT where nodes report; port 0: any")
      ->envname("FEDCARBON_GRPC")
      ->check(CheckAddress)
      ->capture_default_str();
  app.add_option("--http", http, "HOST:PORT of page, JSON and metrics; port 0: any")
      ->envname("FEDCARBON_HTTP")
      ->check(CheckAddress)
      ->capture_default_str();
  app.add_option("--factors", serve.factors, "TOML file of factors beside the built-in ones")
      ->envname("FEDCARBON_FACTORS");
  app.add_flag("--insecure", serve.allow_remote,
               "Allow addresses that other machines reach: nothing is encrypted")
      ->envname("FEDCARBON_INSECURE");
  app.require_subcommand(0, 1);
  app.fallthrough();

  CLI::App* rebuild = app.add_subcommand("rebuild",
                                         "Recreate the totals from the batches, compare, and check that "
                                         "rounds and unattributed hold everything");
  CLI::App* backup = app.add_subcommand("backup", "Copy the database, also while the coordinator runs");
  std::string destination;
  backup->add_option("DEST", destination, "A new file")->required();
  CLI::App* exports = app.add_subcommand("export", "Write sealed batches as files");
  ExportOptions export_options;
  std::string from, to;
  exports->add_option("DIR", export_options.folder, "Folder for the files")->required();
  exports->add_option("--node", export_options.node, "Only of this node");
  exports->add_option("--from", from, "Only what arrived at or after this UTC time")->check(CheckTime);
  exports->add_option("--to", to, "Only what arrived before this UTC time")->check(CheckTime);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  if (*rebuild) return Report(Rebuild(serve.data));
  if (*backup) return Report(BackUp(serve.data, destination));
  if (*exports) {
    if (!from.empty()) export_options.from = *ParseTime(from);
    if (!to.empty()) export_options.to = *ParseTime(to);
    return Report(Export(serve.data, export_options));
  }
  serve.grpc = *ParseAddress(grpc);
  serve.http = *ParseAddress(http);
  return Report(Serve(serve, BlockStopSignals()));
}

}  // namespace
}  // namespace fedcarbon::server

int main(int argc, char** argv) {
  spdlog::set_default_logger(
      spdlog::stderr_logger_mt("fedcarbon-coordinator"));  // standard output is for ports
  return fedcarbon::server::Main(argc, argv);
}
