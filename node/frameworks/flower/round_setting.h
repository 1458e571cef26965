// The round among the settings that a server sends along.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fedcarbon::node::flower {

/// As the strategies of Flower's Fleet API call it.
inline constexpr std::string_view kRoundName = "server-round";

/// Hears of settings one after the other: of each whether its name says that it is the round, and its number.
class RoundSetting {
 public:
  void Expect(bool is_round) { is_round_ = is_round; }

  /// A sint64 as it travels.
  void Number(uint64_t zigzag) {
    if (is_round_ && zigzag % 2 == 0 && !round_.has_value()) round_ = zigzag / 2;  // an odd one is negative
  }

  /// What the first of them says.
  const std::optional<uint64_t>& round() const { return round_; }

 private:
  bool is_round_ = false;
  std::optional<uint64_t> round_;
};

}  // namespace fedcarbon::node::flower
