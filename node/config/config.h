// What fedcarbon-node is told: by flags, by the environment, by a TOML file. node/README.md has all keys.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "fedcarbon/net/address.h"
#include "node/proxy/options.h"

namespace fedcarbon::node {

inline constexpr size_t kMaxConfigText = 1 << 20;  // bytes of a file
inline constexpr size_t kMaxListeners = 256;
inline constexpr size_t kMaxAlpnNames = 16;

struct NodeConfig {
  std::string node;
  std::optional<Address> coordinator;  // none: what is counted is seen on `http` alone
  Address http = {"127.0.0.1", 7481};  // health and metrics; port 0: the system chooses
  std::string country;                 // empty: unknown
  std::string link;                    // empty: unknown
  std::optional<double> pue;           // none: not measured
  std::string keep;                    // a folder that gets a copy of each batch; empty: none
  bool insecure = false;               // coordinator and http may be on other machines
  std::string socket;                  // of LocalService; empty: there is none
  ProxyOptions proxy;
};

/// What the command line says, or the environment in its place. It goes before the file. Texts as the file
/// has them; an empty one says nothing.
struct Flags {
  std::string config;  // the file
  std::string node, coordinator, http, country, link, pue, keep, socket, threads;
  bool insecure = false;

  // Of the listener, where there is only one.
  std::string listen, upstream, side, upstream_node, upstream_address;
};

/// Reads the file, if one is named, and puts the flags over it. INVALID_ARGUMENT names the flag, or the file
/// with line, column and key, what is wrong and what to do: also for what is missing, out of range, of no
/// effect or said twice, and for files that cannot be read.
absl::StatusOr<NodeConfig> LoadConfig(const Flags& flags);

/// The same, of a file's text. `name` is the file's, for messages.
absl::StatusOr<NodeConfig> ParseConfig(const std::string& text, const std::string& name, const Flags& flags);

/// What a node with this configuration does, for people: a line for itself and one per listener.
std::string DescribeConfig(const NodeConfig& config);

}  // namespace fedcarbon::node
