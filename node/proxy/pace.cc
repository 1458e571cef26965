#include "node/proxy/pace.h"

#include <algorithm>

namespace fedcarbon::node {

void Pace::Passed(size_t bytes, uint64_t steps) {
  const size_t grown = std::min(read_size_ + bytes, kMaxRead);
  const uint64_t affordable = steps == 0 ? kMaxRead : bytes * kSteps / steps;
  if (affordable >= grown) {
    read_size_ = grown;
  } else if (steps > kSteps) {  // a small read that is all frames says nothing of a large one
    read_size_ = std::max(static_cast<size_t>(affordable), kMinRead);
  }
}

}  // namespace fedcarbon::node
