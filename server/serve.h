// The coordinator itself: its services, from start to stop.
#pragma once

#include <csignal>
#include <string>

#include "absl/status/status.h"
#include "fedcarbon/net/address.h"

namespace fedcarbon::server {

struct ServeOptions {
  std::string data;           // folder of the database
  Address grpc;               // the report and footprint services
  Address http;               // page, JSON and metrics
  std::string factors;        // a file of factors beside the built-in ones; empty: none
  bool allow_remote = false;  // addresses that are not loopback
};

/// Serves until one of `signals` comes, then ends what is under way and returns. They must be blocked in all
/// threads, also in those that are started later. Prints to standard output, once each service listens, one
/// line "grpc HOST:PORT" and one "http HOST:PORT" with the ports that are really used.
absl::Status Serve(const ServeOptions& options, const sigset_t& signals);

}  // namespace fedcarbon::server
