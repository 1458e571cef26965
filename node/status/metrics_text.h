// The proxy's metrics in Prometheus' text format. node/README.md lists them.
#pragma once

#include <string>

#include "node/proxy/metrics.h"

namespace fedcarbon::node {

/// No label holds text from outside: no address, node, run, round or method.
std::string MetricsText(const ProxyMetrics& metrics);

}  // namespace fedcarbon::node
