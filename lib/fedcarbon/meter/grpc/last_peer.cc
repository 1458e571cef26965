#include "fedcarbon/meter/grpc/last_peer.h"

#include <algorithm>

namespace fedcarbon {

const std::string& LastPeer::Get() const {
  static const std::string* const kNobody = new std::string;
  const std::string* const last = last_.load(std::memory_order_acquire);
  return last != nullptr ? *last : *kNobody;
}

void LastPeer::Set(const std::string& node) {
  if (Get() == node) return;
  MutexLock lock(&mutex_);
  auto it = std::find_if(names_.begin(), names_.end(), [&](const auto& name) { return *name == node; });
  if (it == names_.end()) {
    if (names_.size() == kMaxNames) return;
    it = names_.insert(it, std::make_unique<const std::string>(node));
  }
  last_.store(it->get(), std::memory_order_release);
}

}  // namespace fedcarbon
