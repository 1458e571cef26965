// A client that makes the calls it is told to make (../README.md), and prints what it saw of them.
#pragma once

#include <memory>
#include <string>

#include "fedcarbon/meter/meter.h"

namespace fedcarbon::conformance {

/// Reads lines of calls from standard input until it ends, and answers each with a line. Metered unless
/// `meter` is null. The exit status.
int Call(const std::string& address, const std::shared_ptr<Meter>& meter);

}  // namespace fedcarbon::conformance
