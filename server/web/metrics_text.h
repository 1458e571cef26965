// Metrics in Prometheus' text format. Names follow gRFC A66 (fedcarbon.server.batch.received), written as
// Prometheus writes OpenTelemetry's: dots become underscores, then the unit, then _total for a counter.
#pragma once

#include <string>

#include "server/metrics/metrics.h"

namespace fedcarbon::server {

/// No label holds text from outside: no run, round or node.
std::string MetricsText(const Metrics& metrics);

}  // namespace fedcarbon::server
