#include "fedcarbon/carbon/estimate.h"

#include <cmath>

#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

using Number = Estimate<double>;

TEST(EstimateTest, BeginsAsExactlyZero) {
  const Estimate<Grams> zero;
  EXPECT_EQ(zero.central, Grams(0));
  ASSERT_TRUE(zero.interval.has_value());
  EXPECT_EQ(zero.interval->high, Grams(0));
}

TEST(EstimateTest, SumAddsLowsWithLowsAndHighsWithHighs) {
  const Estimate<Grams> sum = Estimate<Grams>::Within(Grams(1), Grams(2), Grams(4)) +
                              Estimate<Grams>::Within(Grams(10), Grams(20), Grams(40));
  EXPECT_EQ(sum.central, Grams(22));
  EXPECT_EQ(sum.interval->low, Grams(11));
  EXPECT_EQ(sum.interval->high, Grams(44));
  EXPECT_FALSE(sum.at_least);
}

TEST(EstimateTest, SumWithAnUnstatedTermStatesNoInterval) {
  for (bool unstated_first : {false, true}) {
    const Number stated = Number::Within(1, 2, 3);
    const Number unstated = Number::Unstated(5);
    const Number sum = unstated_first ? unstated + stated : stated + unstated;
    EXPECT_EQ(sum.central, 7);
    EXPECT_FALSE(sum.interval.has_value());
  }
}

TEST(EstimateTest, SumIsAtLeastIfATermIs) {
  Number partial = Number::Within(1, 1, 1);
  partial.at_least = true;
  EXPECT_TRUE((partial + Number()).at_least);
  EXPECT_TRUE((Number() + partial).at_least);
  EXPECT_FALSE((Number() + partial).at_most);
}

TEST(EstimateTest, SumIsAtMostIfATermIs) {
  Number bound = Number::Within(1, 1, 1);
  bound.at_most = true;
  EXPECT_TRUE((bound + Number()).at_most);
  EXPECT_TRUE((Number() + bound).at_most);
  EXPECT_FALSE((Number() + bound).at_least);
}

TEST(EstimateTest, AnAmountScalesAllThree) {
  const Number scaled = Number::Within(1, 2, 4) * 3;
  EXPECT_EQ(scaled.interval->low, 3);
  EXPECT_EQ(scaled.central, 6);
  EXPECT_EQ(scaled.interval->high, 12);
  EXPECT_EQ((Number::Within(1, 2, 4) * 0).interval->high, 0);
  EXPECT_FALSE((Number::Unstated(2) * 3).interval.has_value());
}

TEST(EstimateTest, ProductCombinesHalfSigmasInQuadrature) {  // worked example 18
  const Number product = Product({WithinFactor(2, 1.10), WithinFactor(3, 1.3), WithinFactor(5, 1.5)});
  EXPECT_DOUBLE_EQ(product.central, 30);
  EXPECT_NEAR(product.interval->high / 30, 1.63601, 1.63601e-5);
  EXPECT_NEAR(30 / product.interval->low, 1.63601, 1.63601e-5);
}

TEST(EstimateTest, ProductKeepsEachSideByItself) {
  const Number product = Product({Number::Within(1, 1, 2), Number::Within(0.25, 1, 1)});
  EXPECT_DOUBLE_EQ(product.interval->low, 0.25);
  EXPECT_DOUBLE_EQ(product.interval->high, 2);
}

TEST(EstimateTest, ProductOfOneFactorIsThatFactor) {
  const Number product = Product({Number::Within(0.002, 0.02, 0.09)});
  EXPECT_DOUBLE_EQ(product.interval->low, 0.002);
  EXPECT_DOUBLE_EQ(product.central, 0.02);
  EXPECT_DOUBLE_EQ(product.interval->high, 0.09);
}

TEST(EstimateTest, ProductWithAnUnstatedFactorStatesNoInterval) {
  const Number product = Product({Number::Within(1, 2, 3), Number::Unstated(5), Number::Within(1, 2, 3)});
  EXPECT_EQ(product.central, 20);
  EXPECT_FALSE(product.interval.has_value());
}

TEST(EstimateTest, ALowOfZeroMakesTheProductsLowZero) {
  const Number product = Product({Number::Within(0, 0.0002, 0.005), WithinFactor(400, 1.55)});
  EXPECT_EQ(product.interval->low, 0);
  EXPECT_DOUBLE_EQ(product.central, 0.08);
  EXPECT_GT(product.interval->high, 0.005 * 400);
}

TEST(EstimateTest, ACentralValueOfZeroLeavesFiniteBounds) {
  const Number product = Product({Number::Within(0, 0, 3), Number::Within(1, 2, 4)});
  EXPECT_EQ(product.interval->low, 0);
  EXPECT_EQ(product.central, 0);
  EXPECT_EQ(product.interval->high, 12);
}

TEST(EstimateTest, ProtoHoldsBoundsOnlyIfStated) {
  const v1::Estimate stated = ToProto(Estimate<Joules>::Within(Joules(1), Joules(2), Joules(3)));
  EXPECT_EQ(stated.low(), 1);
  EXPECT_EQ(stated.central(), 2);
  EXPECT_EQ(stated.high(), 3);
  const v1::Estimate unstated = ToProto(Estimate<Grams>::Unstated(Grams(2)));
  EXPECT_FALSE(unstated.has_low());
  EXPECT_FALSE(unstated.has_high());
  Number partial;
  partial.at_least = true;
  EXPECT_TRUE(ToProto(partial).at_least());
  EXPECT_FALSE(ToProto(partial).at_most());
  Number bound;
  bound.at_most = true;
  EXPECT_TRUE(ToProto(bound).at_most());
  EXPECT_FALSE(ToProto(bound).at_least());
}

}  // namespace
}  // namespace fedcarbon
