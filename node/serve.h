// The daemon itself: metering, proxy and status server, from start to stop.
#pragma once

#include <csignal>

#include "absl/status/status.h"
#include "node/config/config.h"

namespace fedcarbon::node {

/// Forwards and meters until SIGINT or SIGTERM comes; then lets connections end by themselves for at most
/// `config.proxy.drain`, or until a second one comes, and hands over what was measured. SIGHUP reads the
/// configuration again from `flags`; if it is wrong, the old one stays. `signals` are these three, blocked in
/// all threads, also in those that are started later. Prints to standard output, once it listens, one line
/// "listen HOST:PORT" per listener, in their order, "local PATH" if scripts are listened to, and
/// "http HOST:PORT", with the ports that are really used.
absl::Status Serve(const Flags& flags, const NodeConfig& config, const sigset_t& signals);

}  // namespace fedcarbon::node
