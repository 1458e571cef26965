// A value with what is known of its uncertainty, and the two ways in which intervals combine.
//
// Errors of factors are shared by all that a factor prices, so sums add lows with lows and highs with highs.
// Inside one product the factors' errors are independent and multiplicative: lognormal, each side by itself.
// README.md, "How intervals combine", has the formulas.
//
// Value types; const access is safe from any thread. Nothing here fails.
#pragma once

#include <initializer_list>
#include <optional>

#include "fedcarbon/units/units.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon {

/// The P5-P95 interval, or a range of published values: whose it is says Factor::meaning.
template <typename Q>
struct Interval {
  Q low{};
  Q high{};
};

/// A quantity (Joules, Grams, or double for a factor) with its interval. By default exactly zero, which is
/// what sums start from. An absent interval means "none stated": it is never low = high.
template <typename Q>
struct Estimate {
  Q central{};
  std::optional<Interval<Q>> interval = Interval<Q>{};
  bool at_least = false;  // parts are unknown: print with a "≥"
  bool at_most = false;   // parts are upper bounds: print with a "≤"

  /// Without an interval.
  static Estimate Unstated(Q central) { return {central, std::nullopt, false}; }
  static Estimate Within(Q low, Q central, Q high) { return {central, Interval<Q>{low, high}, false}; }

  /// Lows with lows and highs with highs; a term without an interval leaves the sum without one.
  Estimate& operator+=(const Estimate& other) {
    central += other.central;
    if (interval.has_value() && other.interval.has_value()) {
      interval->low += other.interval->low;
      interval->high += other.interval->high;
    } else {
      interval.reset();
    }
    at_least = at_least || other.at_least;
    at_most = at_most || other.at_most;
    return *this;
  }
  friend Estimate operator+(Estimate a, const Estimate& b) { return a += b; }

  /// By an exact amount, at least 0.
  friend Estimate operator*(Estimate estimate, double amount) {
    estimate.central = estimate.central * amount;
    if (estimate.interval.has_value()) {
      estimate.interval->low = estimate.interval->low * amount;
      estimate.interval->high = estimate.interval->high * amount;
    }
    return estimate;
  }
};

/// A factor known to within a factor of `spread` (at least 1) either way: P5 = central / spread.
Estimate<double> WithinFactor(double central, double spread);

/// The half-sigmas of a lognormal factor, from its P5 and P95: ln(central / low) / 1.645 and
/// ln(high / central) / 1.645.
inline constexpr double kNormalP95 = 1.645;

/// The product of independent uncertain factors, none negative: half-sigmas in quadrature, each side by
/// itself. A factor without an interval leaves the product without one. A low of 0 makes the product's low 0;
/// a central value of 0, which no lognormal has, makes low 0 and high the product of the highs.
Estimate<double> Product(std::initializer_list<Estimate<double>> factors);

/// As the protocol carries it, in joules, grams or the factor's own unit.
v1::Estimate ToProto(const Estimate<Joules>& estimate);
v1::Estimate ToProto(const Estimate<Grams>& estimate);
v1::Estimate ToProto(const Estimate<double>& estimate);

}  // namespace fedcarbon
