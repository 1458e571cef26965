#include "node/proxy/upstream_health.h"

#include <spdlog/spdlog.h>

namespace fedcarbon::node {

void UpstreamHealth::Failed(const std::string& upstream, const std::string& why, absl::Duration now) {
  if (absl::ToInt64Microseconds(now) < quiet_until_us_.load() || is_lost_.exchange(true)) return;
  quiet_until_us_.store(absl::ToInt64Microseconds(now + kQuiet));
  spdlog::warn("upstream {} is not reached: {}; clients' connections are reset until it is", upstream, why);
}

void UpstreamHealth::Reached(const std::string& upstream) {
  if (is_lost_.load(std::memory_order_relaxed) && is_lost_.exchange(false)) {
    spdlog::info("upstream {} is reached again", upstream);
  }
}

}  // namespace fedcarbon::node
