// Chance that a seed repeats, for traffic made up at random.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace fedcarbon::node::testing {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  size_t Below(size_t end) { return engine_() % end; }
  bool OneIn(size_t n) { return Below(n) == 0; }

  template <typename T>
  T Of(const std::vector<T>& choice) {
    return choice[Below(choice.size())];
  }

  /// Any bytes: fewer than `mostly`, one time in twenty fewer than `seldom`.
  std::string Text(size_t mostly, size_t seldom) {
    std::string text(Below(OneIn(20) ? seldom : mostly), '\0');
    for (char& byte : text) byte = static_cast<char>(engine_());
    return text;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace fedcarbon::node::testing
