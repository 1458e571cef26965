// conformance_peer serve [--port N] [--metered NODE] [--arguments JSON]
// conformance_peer call HOST:PORT [--metered NODE]
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fedcarbon/report/grpc/metering_service.h"
#include "tests/conformance/peers/grpc_client.h"
#include "tests/conformance/peers/grpc_server.h"

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("conformance_peer"));  // standard output is for lines
  CLI::App app("a C++ peer of the conformance suite");
  app.require_subcommand(1);
  std::string node, address, arguments = "{}";
  int port = 0;
  CLI::App* serve = app.add_subcommand("serve");
  serve->add_option("--port", port);
  serve->add_option("--metered", node);
  serve->add_option("--arguments", arguments);
  CLI::App* call = app.add_subcommand("call");
  call->add_option("address", address)->required();
  call->add_option("--metered", node);
  CLI11_PARSE(app, argc, argv);

  std::unique_ptr<fedcarbon::MeteringService> metering;
  if (!node.empty()) {
    fedcarbon::MeteringServiceOptions options;
    options.node = node;
    auto started = fedcarbon::MeteringService::Start(options);
    if (!started.ok()) {
      std::fprintf(stderr, "%s\n", started.status().ToString().c_str());
      return 1;
    }
    metering = *std::move(started);
  }
  const auto meter = metering == nullptr ? nullptr : metering->meter();
  return *serve ? fedcarbon::conformance::Serve(port, nlohmann::json::parse(arguments), meter)
                : fedcarbon::conformance::Call(address, meter);
}
