#include "fedcarbon/carbon/impact.h"

#include <limits>

#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

ImpactInput Readme() {
  ImpactInput input;
  input.data_traffic = Grams(1000);
  input.ml_models = Grams(500);
  input.screening_per_week = absl::Seconds(72'000);
  return input;
}

TEST(ImpactTest, GivesCumulatorsNumbers) {
  const Impact impact = ComputeImpact(Readme()).value();
  EXPECT_NEAR(impact.total.grams(), 7386.9006, 1e-9);
  EXPECT_EQ(impact.car_kilometres, 49);
}

TEST(ImpactTest, CutsKilometresOff) {
  const Impact impact = ComputeImpact({}).value();
  EXPECT_NEAR(impact.total.grams(), 880.5006, 1e-9);
  EXPECT_EQ(impact.car_kilometres, 5);  // 5.9
}

TEST(ImpactTest, StatesWhatCumulatorStates) {
  EXPECT_EQ(ImpactStatement(ComputeImpact(Readme()).value()),
            "##############################################################\n"
            "Total carbon emissions for this project: 7.39e+03 gCO2eq\n"
            "You could have powered the average passenger car for 49 km\n"
            "with all that compute effort.\n"
            "--------------------------------------------------------------\n"
            "ML models: 5.00e+02 gCO2eq\n"
            "Internet data traffic: 1.00e+03 gCO2eq\n"
            "Meetings: 8.81e+02 gCO2eq\n"
            "Screening: 5.01e+03 gCO2eq\n"
            "--------------------------------------------------------------\n"
            "##############################################################\n");
}

TEST(ImpactTest, EveryInputIsItsOwnTerm) {
  ImpactInput input = Readme();
  input.weeks = 28;
  input.meeting = absl::Minutes(90);
  input.hardware = Watts(80);
  const Impact impact = ComputeImpact(input).value();
  EXPECT_NEAR(impact.meetings.grams(), 4 * 880.5006, 1e-9);
  EXPECT_NEAR(impact.screening.grams(), 4 * 5006.4, 1e-9);
}

TEST(ImpactTest, BadInputsAreNamed) {
  const auto message = [](void (*spoil)(ImpactInput*)) {
    ImpactInput input = Readme();
    spoil(&input);
    const absl::StatusOr<Impact> impact = ComputeImpact(input);
    EXPECT_EQ(impact.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(impact.status().message());
  };
  EXPECT_NE(message([](ImpactInput* i) { i->data_traffic = Grams(-1); }).find("data traffic"),
            std::string::npos);
  EXPECT_NE(message([](ImpactInput* i) {
              i->ml_models = Grams(std::numeric_limits<double>::quiet_NaN());
            }).find("ML models"),
            std::string::npos);
  EXPECT_NE(
      message([](ImpactInput* i) { i->screening_per_week = absl::InfiniteDuration(); }).find("screening"),
      std::string::npos);
  EXPECT_NE(message([](ImpactInput* i) { i->weeks = -1; }).find("weeks"), std::string::npos);
  EXPECT_NE(message([](ImpactInput* i) { i->meeting = -absl::Minutes(1); }).find("meeting"),
            std::string::npos);
  EXPECT_NE(message([](ImpactInput* i) { i->hardware = Watts(-40); }).find("hardware"), std::string::npos);
}

TEST(ImpactTest, ATotalUpToTheLimitPasses) {
  ImpactInput input;
  input.weeks = 0;
  input.ml_models = kMaxImpact;
  EXPECT_TRUE(ComputeImpact(input).ok());
  input.ml_models = kMaxImpact + Grams(1);
  EXPECT_EQ(ComputeImpact(input).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fedcarbon
