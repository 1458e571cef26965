// A node of a test's federation, and what it recorded.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "fedcarbon/meter/meter.h"
#include "tests/unit/meter/collector.h"

namespace fedcarbon::test {

struct MeteredNode {
  explicit MeteredNode(const std::string& name) {
    MeterOptions options;
    options.node = name;
    options.sample_interval = absl::Hours(1);
    meter = Meter::Create(options, facts).value();
  }

  const std::shared_ptr<Collector> facts = std::make_shared<Collector>();
  std::shared_ptr<Meter> meter;
};

}  // namespace fedcarbon::test
