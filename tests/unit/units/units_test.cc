#include "fedcarbon/units/units.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>

namespace fedcarbon {
namespace {

TEST(UnitsTest, BytesAreDecimal) {
  EXPECT_DOUBLE_EQ(Bytes(1'000'000'000).gigabytes(), 1.0);
  EXPECT_DOUBLE_EQ(Bytes(1'500).kilobytes(), 1.5);
}

TEST(UnitsTest, BytesSaturateInsteadOfWrapping) {
  EXPECT_EQ(Bytes(UINT64_MAX) + Bytes(1), Bytes(UINT64_MAX));
  EXPECT_EQ(Bytes(UINT64_MAX - 1) + Bytes(1), Bytes(UINT64_MAX));
  EXPECT_EQ(Bytes(1) - Bytes(2), Bytes(0));
  EXPECT_EQ(Bytes(5) * (UINT64_MAX / 5), Bytes(UINT64_MAX));
  EXPECT_EQ(Bytes(5) * (UINT64_MAX / 5 + 1), Bytes(UINT64_MAX));
  EXPECT_EQ(Bytes(5) * 0, Bytes(0));
}

TEST(UnitsTest, PowerTimesTimeIsEnergy) {
  EXPECT_DOUBLE_EQ((Watts(250) * absl::Hours(1)).kilowatt_hours(), 0.25);
}

TEST(UnitsTest, EnergyTimesIntensityIsMass) {
  EXPECT_DOUBLE_EQ((KilowattHours(2.5) * GridIntensity(44.18)).grams(), 110.45);
}

TEST(UnitsTest, BothUnitsOfEnergyAreTheSame) {
  EXPECT_EQ(Joules(KilowattHours(2.5)), Joules(9e6));
  EXPECT_EQ(Joules(9e6) * GridIntensity(44.18), KilowattHours(2.5) * GridIntensity(44.18));
}

TEST(UnitsTest, NetworkIntensityTimesBytesIsEnergy) {
  EXPECT_DOUBLE_EQ((NetworkIntensity(0.02) * Bytes(500'000'000)).kilowatt_hours(), 0.01);
}

TEST(UnitsTest, KindsDoNotMix) {
  static_assert(!std::is_convertible_v<double, Joules>);
  static_assert(!std::is_convertible_v<uint64_t, Bytes>);
  static_assert(!std::is_constructible_v<Grams, Joules>);
  static_assert(!std::is_constructible_v<Joules, Watts>);
  static_assert(!std::is_convertible_v<KilowattHours, Joules>);
}

}  // namespace
}  // namespace fedcarbon
