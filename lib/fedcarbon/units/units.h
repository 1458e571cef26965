// Quantities with types, so that kB for bytes, kg for g or Wh for J does not compile.
//
// A quantity is constructed explicitly from its base unit, and read by a function that names the unit.
// Quantities of one kind add, subtract, compare and scale; products exist where physics has them (W x s = J,
// kWh x g/kWh = g). Conversion factors stand in this file and nowhere else. Facts use Bytes and
// absl::Duration, which are integers; all else is for computing a footprint and is floating point.
//
// Value types; const access is safe from any thread. Arithmetic on Bytes that would leave [0, 2^64)
// saturates.
#pragma once

#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace fedcarbon {

/// A number of bytes. 1 kB = 1,000 B and 1 GB = 1e9 B: decimal, as network factors are.
class Bytes {
 public:
  constexpr Bytes() = default;
  constexpr explicit Bytes(uint64_t count) : count_(count) {}

  constexpr uint64_t count() const { return count_; }
  constexpr double kilobytes() const { return static_cast<double>(count_) / 1e3; }
  constexpr double gigabytes() const { return static_cast<double>(count_) / 1e9; }

  constexpr Bytes& operator+=(Bytes other) {
    count_ = count_ > std::numeric_limits<uint64_t>::max() - other.count_
                 ? std::numeric_limits<uint64_t>::max()
                 : count_ + other.count_;
    return *this;
  }
  constexpr Bytes& operator-=(Bytes other) {
    count_ = count_ < other.count_ ? 0 : count_ - other.count_;
    return *this;
  }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return a += b; }
  friend constexpr Bytes operator*(Bytes a, uint64_t times) {
    const bool fits = times == 0 || a.count_ <= std::numeric_limits<uint64_t>::max() / times;
    return Bytes(fits ? a.count_ * times : std::numeric_limits<uint64_t>::max());
  }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return a -= b; }
  friend constexpr bool operator==(Bytes a, Bytes b) { return a.count_ == b.count_; }
  friend constexpr bool operator!=(Bytes a, Bytes b) { return a.count_ != b.count_; }
  friend constexpr bool operator<(Bytes a, Bytes b) { return a.count_ < b.count_; }
  friend constexpr bool operator>(Bytes a, Bytes b) { return a.count_ > b.count_; }
  friend constexpr bool operator<=(Bytes a, Bytes b) { return a.count_ <= b.count_; }
  friend constexpr bool operator>=(Bytes a, Bytes b) { return a.count_ >= b.count_; }

 private:
  uint64_t count_ = 0;
};

/// What the floating-point quantities share. Derived names the quantity; the value is in its base unit.
template <typename Derived>
class Quantity {
 public:
  constexpr Quantity() = default;

  constexpr Derived& operator+=(Derived other) {
    value_ += other.value_;
    return static_cast<Derived&>(*this);
  }
  friend constexpr Derived operator+(Derived a, Derived b) { return Derived(a.value_ + b.value_); }
  friend constexpr Derived operator-(Derived a, Derived b) { return Derived(a.value_ - b.value_); }
  friend constexpr Derived operator*(Derived a, double scale) { return Derived(a.value_ * scale); }
  friend constexpr Derived operator*(double scale, Derived a) { return Derived(scale * a.value_); }
  friend constexpr Derived operator/(Derived a, double divisor) { return Derived(a.value_ / divisor); }
  friend constexpr double operator/(Derived a, Derived b) { return a.value_ / b.value_; }
  friend constexpr bool operator==(Derived a, Derived b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(Derived a, Derived b) { return a.value_ != b.value_; }
  friend constexpr bool operator<(Derived a, Derived b) { return a.value_ < b.value_; }
  friend constexpr bool operator>(Derived a, Derived b) { return a.value_ > b.value_; }
  friend constexpr bool operator<=(Derived a, Derived b) { return a.value_ <= b.value_; }
  friend constexpr bool operator>=(Derived a, Derived b) { return a.value_ >= b.value_; }

 protected:
  constexpr explicit Quantity(double value) : value_(value) {}
  double value_ = 0;
};

/// Energy in the unit that grid intensities are per. Prices are computed in it and stated in Joules: going to
/// and fro between the two would round twice.
class KilowattHours : public Quantity<KilowattHours> {
 public:
  constexpr KilowattHours() = default;
  constexpr explicit KilowattHours(double kilowatt_hours) : Quantity(kilowatt_hours) {}

  constexpr double kilowatt_hours() const { return value_; }
};

/// Energy.
class Joules : public Quantity<Joules> {
 public:
  constexpr Joules() = default;
  constexpr explicit Joules(double joules) : Quantity(joules) {}
  constexpr explicit Joules(KilowattHours energy) : Joules(energy.kilowatt_hours() * 3.6e6) {}

  constexpr double joules() const { return value_; }
  constexpr double kilowatt_hours() const { return value_ / 3.6e6; }
};

/// Power.
class Watts : public Quantity<Watts> {
 public:
  constexpr Watts() = default;
  constexpr explicit Watts(double watts) : Quantity(watts) {}

  constexpr double watts() const { return value_; }
};

/// Mass of CO2 equivalent.
class Grams : public Quantity<Grams> {
 public:
  constexpr Grams() = default;
  constexpr explicit Grams(double grams) : Quantity(grams) {}

  constexpr double grams() const { return value_; }
};

/// Carbon intensity of electricity, gCO2e/kWh.
class GridIntensity : public Quantity<GridIntensity> {
 public:
  constexpr GridIntensity() = default;
  constexpr explicit GridIntensity(double grams_per_kilowatt_hour) : Quantity(grams_per_kilowatt_hour) {}

  constexpr double grams_per_kilowatt_hour() const { return value_; }
};

/// Energy that moving data takes, kWh/GB.
class NetworkIntensity : public Quantity<NetworkIntensity> {
 public:
  constexpr NetworkIntensity() = default;
  constexpr explicit NetworkIntensity(double kilowatt_hours_per_gigabyte)
      : Quantity(kilowatt_hours_per_gigabyte) {}

  constexpr double kilowatt_hours_per_gigabyte() const { return value_; }
};

inline Joules operator*(Watts power, absl::Duration time) {
  return Joules(power.watts() * absl::ToDoubleSeconds(time));
}
constexpr Joules operator*(NetworkIntensity intensity, Bytes bytes) {
  return Joules(KilowattHours(intensity.kilowatt_hours_per_gigabyte() * bytes.gigabytes()));
}
constexpr Grams operator*(KilowattHours energy, GridIntensity intensity) {
  return Grams(energy.kilowatt_hours() * intensity.grams_per_kilowatt_hour());
}
constexpr Grams operator*(Joules energy, GridIntensity intensity) {
  return KilowattHours(energy.kilowatt_hours()) * intensity;
}

}  // namespace fedcarbon
