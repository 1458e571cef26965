// What the demo's programs share in reading their command lines.
#pragma once

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace fedcarbon::demo {

/// The aggregator's name as a node.
inline constexpr char kAggregator[] = "aggregator";

/// Reads the command line. Help ends with 0; what is wrong is named with the usage on stderr, and ends with
/// 2. Nothing: go on.
inline std::optional<int> ParseCommandLine(CLI::App* app, int argc, char** argv) {
  try {
    app->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    std::cout << app->help();
    return 0;
  } catch (const CLI::ParseError& error) {
    std::cerr << app->get_name() << ": " << error.what() << "\n\n" << app->help();
    return 2;
  }
}

/// Prints why a program ends, and returns its exit status.
inline int Fail(const std::string& program, const absl::Status& status) {
  std::cerr << program << ": " << std::string(status.message()) << "\n";
  return 1;
}

/// Which model, for how many rounds and from which seed.
struct ModelOptions {
  std::string model = "mlp";
  uint64_t rounds = 15;
  uint64_t seed = 1;

  void AddTo(CLI::App* app) {
    app->add_option("--model", model, "mlp (270,337 parameters) or logistic (14)")
        ->check(CLI::IsMember({"mlp", "logistic"}))
        ->capture_default_str();
    app->add_option("--rounds", rounds, "Rounds to train")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app->add_option("--seed", seed, "Decides the split, the order of rows and the first weights")
        ->capture_default_str();
  }
};

}  // namespace fedcarbon::demo
