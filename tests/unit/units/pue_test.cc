#include "fedcarbon/units/pue.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fedcarbon {
namespace {

TEST(PueTest, LiesBetweenOneAndTen) {
  for (const double good : {1.0, 1.58, 10.0}) EXPECT_TRUE(IsPue(good)) << good;
  for (const double bad : {0.999, 10.001, -1.5, 0.0, HUGE_VAL, std::nan("")}) EXPECT_FALSE(IsPue(bad)) << bad;
}

// Facts hold thousandths: their limits are the same.
TEST(PueTest, ThousandthsAreExactAtTheLimits) {
  EXPECT_TRUE(IsPue(1'000 / 1e3));
  EXPECT_TRUE(IsPue(10'000 / 1e3));
  EXPECT_FALSE(IsPue(999 / 1e3));
  EXPECT_FALSE(IsPue(10'001 / 1e3));
}

}  // namespace
}  // namespace fedcarbon
