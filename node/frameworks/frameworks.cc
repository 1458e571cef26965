#include "node/frameworks/frameworks.h"

#include <utility>

#include "node/frameworks/flower/flower.h"

namespace fedcarbon::node {

Frameworks::Frameworks(std::shared_ptr<Meter> meter) {
  all_.push_back(std::make_unique<Flower>(std::move(meter)));
}

std::vector<std::string> Frameworks::HeaderFields() { return Flower::HeaderFields(); }

std::string Frameworks::CallerOf(const HeaderBlock& request) const {
  for (const std::unique_ptr<Framework>& framework : all_) {
    if (std::string caller = framework->CallerOf(request); !caller.empty()) return caller;
  }
  return {};
}

std::unique_ptr<CallRule> Frameworks::OnCall(const HeaderBlock& request, std::shared_ptr<CallObserver> call) {
  for (const std::unique_ptr<Framework>& framework : all_) {
    if (auto rule = framework->OnCall(request, call)) return rule;
  }
  return nullptr;
}

}  // namespace fedcarbon::node
