// CUMULATOR's model (EPFL, 2020): its constants, which the model cumulator/2020 prices by, and its text
// block. The network's constant is in network.h; the class that people know is cumulator/cumulator.h.
#pragma once

#include <string>

#include "fedcarbon/units/units.h"

namespace fedcarbon {

inline constexpr Watts kCumulatorWatts{250};
inline constexpr GridIntensity kCumulatorIntensity{447};

/// CUMULATOR's text block, every line ended by a newline. Pure: thread-safe. Never fails.
std::string CumulatorText(Grams computation, Grams communication);

}  // namespace fedcarbon
