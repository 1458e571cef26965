// Power usage effectiveness: what a site draws over what its machines draw.
#pragma once

namespace fedcarbon {

/// A site draws at least what its machines draw; what is above the greatest is a typing error, not a site.
inline constexpr double kMinPue = 1.0;
inline constexpr double kMaxPue = 10.0;

/// False for NaN.
constexpr bool IsPue(double pue) { return pue >= kMinPue && pue <= kMaxPue; }

}  // namespace fedcarbon
