// Flower's Fleet API, over gRPC (before 1.40) and over HTTP (since), and its stream of old.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fedcarbon/meter/meter.h"
#include "node/frameworks/flower/joined_calls.h"
#include "node/frameworks/framework.h"

namespace fedcarbon::node {

/// Thread-safe.
class Flower : public Framework {
 public:
  explicit Flower(std::shared_ptr<Meter> meter) : meter_(std::move(meter)) {}

  /// A node's public key: the ids of nodes are drawn anew each time they register.
  static std::vector<std::string> HeaderFields();

  /// From its public key: "flower-" and the first 16 digits of the SHA-256 of its PEM.
  std::string CallerOf(const HeaderBlock& request) const override;
  std::unique_ptr<CallRule> OnCall(const HeaderBlock& request, std::shared_ptr<CallObserver> call) override;

 private:
  const std::shared_ptr<Meter> meter_;
  flower::JoinedCalls joined_calls_;
};

}  // namespace fedcarbon::node
