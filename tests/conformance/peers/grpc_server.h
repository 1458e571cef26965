// A server that does what each call's metadata tell it to do (../README.md), and prints what it saw of it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fedcarbon/meter/meter.h"

namespace fedcarbon::conformance {

/// Listens on 127.0.0.1:`port` (0: any), metered unless `meter` is null, and prints {"listen": "HOST:PORT"}
/// and then a line for each call that ended, until standard input ends. The exit status.
int Serve(int port, const nlohmann::json& arguments, const std::shared_ptr<Meter>& meter);

}  // namespace fedcarbon::conformance
