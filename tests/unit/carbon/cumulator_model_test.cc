#include "fedcarbon/carbon/cumulator_model.h"

#include <string>

#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

TEST(CumulatorTextTest, RoundsHalfToEven) {
  EXPECT_NE(CumulatorText(Grams(112.5), Grams(113.5)).find("computations: 1.12e+02"), std::string::npos);
  EXPECT_NE(CumulatorText(Grams(112.5), Grams(113.5)).find("communications: 1.14e+02"), std::string::npos);
  EXPECT_NE(CumulatorText(Grams(0), Grams(0)).find("footprint: 0.00e+00"), std::string::npos);
}

}  // namespace
}  // namespace fedcarbon
