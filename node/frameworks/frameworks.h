// Every framework that is known.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fedcarbon/meter/meter.h"
#include "node/frameworks/framework.h"

namespace fedcarbon::node {

/// Thread-safe.
class Frameworks : public Framework {
 public:
  /// Facts that belong to no single call (spans, bindings) go to `meter`.
  explicit Frameworks(std::shared_ptr<Meter> meter);

  /// The header fields that rules read, in lower case.
  static std::vector<std::string> HeaderFields();

  std::string CallerOf(const HeaderBlock& request) const override;
  std::unique_ptr<CallRule> OnCall(const HeaderBlock& request, std::shared_ptr<CallObserver> call) override;

 private:
  std::vector<std::unique_ptr<Framework>> all_;
};

}  // namespace fedcarbon::node
