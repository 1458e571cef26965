// The configuration file by itself: TOML into a NodeConfig. node/README.md has all keys.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "node/config/config.h"

namespace fedcarbon::node {

/// A listener that is not complete yet: flags may say what its table does not.
struct PlacedListener {
  ListenerOptions options;
  std::string place;  // where it was named, for messages
};

/// Reads all but the listeners into `config`, and those into `listeners`. INVALID_ARGUMENT
/// "name:line:column: key: what is wrong, and what to do"; then both are left half read.
absl::Status ReadConfigFile(const std::string& text, const std::string& name, NodeConfig* config,
                            std::vector<PlacedListener>* listeners);

}  // namespace fedcarbon::node
