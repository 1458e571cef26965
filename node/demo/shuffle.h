// std::shuffle leaves the order to the library; this one is the same everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace fedcarbon::demo {

/// 0 to count-1 in an order that the seed decides.
inline std::vector<size_t> ShuffledIndexes(size_t count, uint64_t seed) {
  std::vector<size_t> indexes(count);
  std::iota(indexes.begin(), indexes.end(), size_t{0});
  std::mt19937_64 random(seed);
  for (size_t left = count; left > 1; --left) std::swap(indexes[left - 1], indexes[random() % left]);
  return indexes;
}

}  // namespace fedcarbon::demo
