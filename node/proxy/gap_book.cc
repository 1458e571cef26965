#include "node/proxy/gap_book.h"

#include <algorithm>
#include <utility>

namespace fedcarbon::node {

void GapBook::Add(v1::Gap::Reason reason, const char* why, uint64_t facts, Bytes bytes, absl::Time from,
                  absl::Time to) {
  const auto [entry, is_new] = gaps_.try_emplace(why);
  Gap& gap = entry->second;
  if (is_new) {
    gap.reason = reason;
    gap.detail = why;
    gap.from = from;
    gap.to = to;
  }
  gap.facts += facts;
  gap.bytes += bytes;
  gap.from = std::min(gap.from, from);
  gap.to = std::max(gap.to, to);
}

std::vector<Gap> GapBook::Take() {
  std::vector<Gap> taken;
  for (auto& [why, gap] : gaps_) taken.push_back(std::move(gap));
  gaps_.clear();
  return taken;
}

}  // namespace fedcarbon::node
