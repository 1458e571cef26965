// fedcarbon-node: reads the command line. Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "node/config/config.h"
#include "node/local/grpc/run.h"
#include "node/proxy/proxy.h"
#include "node/serve.h"

namespace fedcarbon::node {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

constexpr char kDescription[] =
    "Stands beside a program that takes part in a federation, forwards its bytes unchanged, and meters what "
    "passes.";

constexpr char kExamples[] =
    "A client that connected to fl.example.org:9092 connects to 127.0.0.1:9092 instead:\n"
    "  fedcarbon-node --node hospital-a --listen 127.0.0.1:9092 --upstream fl.example.org:9092 \\\n"
    "                 --coordinator 127.0.0.1:7433\n"
    "The same, and more, from a file, which `check` looks through first:\n"
    "  fedcarbon-node check --config /etc/fedcarbon/node.toml\n"
    "SIGHUP reads the file again; SIGTERM and SIGINT let connections end, a second one cuts them.";

// A flag, and FEDCARBON_ and its name in the environment.
CLI::Option* Add(CLI::App* app, const std::string& flag, const char* type, std::string* value,
                 const char* description) {
  const std::string name = absl::StrReplaceAll(flag.substr(2), {{"-", "_"}});
  return app->add_option(flag, *value, description)
      ->type_name(type)
      ->envname("FEDCARBON_" + absl::AsciiStrToUpper(name));
}

void AddFlags(CLI::App* app, Flags* flags) {
  constexpr char kForwarding[] = "Forwarding";
  Add(app, "--listen", "HOST:PORT", &flags->listen, "Where clients connect to, or unix:PATH; port 0: any")
      ->group(kForwarding);
  Add(app, "--upstream", "HOST:PORT", &flags->upstream, "Where their bytes go, or unix:PATH")
      ->group(kForwarding);
  Add(app, "--upstream-address", "HOST:PORT", &flags->upstream_address,
      "Dialled instead, where a hosts file points the upstream's name at this node")
      ->group(kForwarding);
  Add(app, "--threads", "N", &flags->threads, "Threads that forward, 1 to 64")
      ->default_str("1")
      ->group(kForwarding);

  constexpr char kMetering[] = "Metering";
  Add(app, "--node", "NAME", &flags->node, "This node: a lower-case DNS name")->group(kMetering);
  Add(app, "--coordinator", "HOST:PORT", &flags->coordinator,
      "Where to report; without it, counts are on the http port alone")
      ->group(kMetering);
  Add(app, "--side", "client|server", &flags->side, "The end of the calls at which this node stands")
      ->default_str("client")
      ->group(kMetering);
  Add(app, "--upstream-node", "NAME", &flags->upstream_node,
      "The node behind the upstream; else what its answers say")
      ->group(kMetering);
  Add(app, "--country", "CODE", &flags->country, "ISO 3166-1 alpha-3, such as CHE")->group(kMetering);
  Add(app, "--link", "KIND", &flags->link, "fixed, mobile, lan or datacentre")->group(kMetering);
  Add(app, "--pue", "NUMBER", &flags->pue, "Power usage effectiveness that the site measured, 1 to 10")
      ->group(kMetering);
  Add(app, "--keep", "DIR", &flags->keep, "A folder that gets a copy of each batch of facts")
      ->group(kMetering);

  Add(app, "--socket", "PATH", &flags->socket,
      "A Unix socket where scripts at this node say runs, rounds and spans; without it, none")
      ->group(kMetering);

  constexpr char kProcess[] = "Process";
  Add(app, "--config", "FILE", &flags->config, "TOML: several listeners, TLS, limits; flags go before it")
      ->group(kProcess);
  Add(app, "--http", "HOST:PORT", &flags->http, "Health and metrics of the node; port 0: any")
      ->default_str("127.0.0.1:7481")
      ->group(kProcess);
  app->add_flag("--insecure", flags->insecure,
                "Allow coordinator and http on other machines: nothing is encrypted there")
      ->envname("FEDCARBON_INSECURE")
      ->group(kProcess);
}

constexpr char kRunExamples[] =
    "The span lasts as long as the command; its children's processor time counts if it waits for them. Exit\n"
    "status: the command's own, 128 + n after signal n, 127 if it was not found, 126 if it cannot be run. "
    "TERM,\n"
    "INT, HUP, QUIT, USR1 and USR2 are passed on. If the daemon cannot be reached, the command runs all the "
    "same.\n"
    "Example:\n"
    "  fedcarbon-node run --run heart-2026 --round 7 --kind train -- python3 train.py --epochs 3";

CLI::App* AddRun(CLI::App* app, RunFlags* flags) {
  CLI::App* const run = app->add_subcommand(
      "run", "Run a command as one span of compute, and say so to the daemon at --socket");
  run->fallthrough(false);
  run->footer(kRunExamples);
  run->add_option("--run", flags->run, "The run's id, the same at every node")->type_name("ID")->required();
  run->add_option("--round", flags->round, "Its round; left out: unknown")->type_name("N");
  run->add_option("--kind", flags->kind, "train, evaluate, aggregate or other")
      ->type_name("KIND")
      ->default_val("other");
  Add(run, "--socket", "PATH", &flags->socket, "Where the daemon listens to scripts: its own --socket");
  run->add_option("COMMAND", flags->command, "The program and its arguments, behind --")
      ->type_name("")
      ->required();
  return run;
}

sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGHUP, SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write
  return signals;
}

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "fedcarbon-node: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kWrongUsage : kFailed;
}

absl::Status Check(const NodeConfig& config) {
  const absl::Status checked = CheckProxyOptions(config.proxy);
  if (checked.ok()) std::printf("%sok\n", DescribeConfig(config).c_str());
  return checked;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app(kDescription, "fedcarbon-node");
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.fallthrough();
  AddFlags(&app, &flags);
  RunFlags run_flags;
  const CLI::App* const run = AddRun(&app, &run_flags);
  const CLI::App* const check = app.add_subcommand(
      "check", "Say what would be done, or what is wrong with flags and file, and do nothing");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  if (*run) {
    const absl::StatusOr<int> exit_status = Run(run_flags);
    return exit_status.ok() ? *exit_status : Report(exit_status.status());
  }
  const absl::StatusOr<NodeConfig> config = LoadConfig(flags);
  if (!config.ok()) return Report(config.status());
  if (*check) return Report(Check(*config));
  return Report(Serve(flags, *config, BlockSignals()));
}

}  // namespace
}  // namespace fedcarbon::node

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("fedcarbon-node"));  // standard output is for ports
  return fedcarbon::node::Main(argc, argv);
}
