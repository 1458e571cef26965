#include "fedcarbon/cumulator/cumulator.h"

#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class CumulatorTest : public testing::Test {
 protected:
  void Count(absl::Duration time) {
    ASSERT_TRUE(cumulator_.On().ok());
    clock_.Advance(time);
    ASSERT_TRUE(cumulator_.Off().ok());
  }

  ManualClock clock_{absl::UnixEpoch()};
  Cumulator cumulator_{&clock_};
};

// The doubles of CUMULATOR 0.0.7 and 0.1.0, compared for equality.
TEST_F(CumulatorTest, AnHourAndAGigabyteToTheDigit) {
  Count(absl::Hours(1));
  ASSERT_TRUE(cumulator_.DataTransferred(1e6).ok());
  EXPECT_EQ(cumulator_.ComputationCosts().grams(), 111.75);
  EXPECT_EQ(cumulator_.CommunicationCosts().grams(), 30.816179999999996);
  EXPECT_EQ(cumulator_.TotalCarbonFootprint().grams(), 142.56618);
  EXPECT_EQ(cumulator_.DisplayCarbonFootprint(),
            "########\n"
            "Overall carbon footprint: 1.43e+02 gCO2eq\n"
            "########\n"
            "Carbon footprint due to computations: 1.12e+02 gCO2eq\n"
            "Carbon footprint due to communications: 3.08e+01 gCO2eq\n");
}

TEST_F(CumulatorTest, OddAmountsToTheDigit) {
  Count(absl::Milliseconds(7250));
  ASSERT_TRUE(cumulator_.DataTransferred(333.333).ok());
  EXPECT_EQ(cumulator_.ComputationCosts().grams(), 0.22505208333333332);
  EXPECT_EQ(cumulator_.CommunicationCosts().grams(), 0.01027204972794);
  EXPECT_EQ(cumulator_.TotalCarbonFootprint().grams(), 0.2353241330612733);
}

TEST_F(CumulatorTest, TinyAmountsToTheDigit) {
  Count(absl::Nanoseconds(1));
  ASSERT_TRUE(cumulator_.DataTransferred(1e-3).ok());
  EXPECT_EQ(cumulator_.ComputationCosts().grams(), 3.104166666666667e-11);
  EXPECT_EQ(cumulator_.CommunicationCosts().grams(), 3.081618e-08);
  EXPECT_EQ(cumulator_.TotalCarbonFootprint().grams(), 3.084722166666667e-08);
}

TEST_F(CumulatorTest, SumsGoFromLeftToRight) {
  for (int i = 0; i < 10; ++i) {
    Count(absl::Milliseconds(100));
    ASSERT_TRUE(cumulator_.DataTransferred(0.1).ok());
  }
  EXPECT_EQ(cumulator_.cumulated_time(), 0.9999999999999999);
  EXPECT_EQ(cumulator_.cumulated_data_traffic(), 0.9999999999999999);
  EXPECT_EQ(cumulator_.ComputationCosts().grams(), 0.031041666666666662);
  EXPECT_EQ(cumulator_.CommunicationCosts().grams(), 3.081617999999999e-05);
  EXPECT_EQ(cumulator_.TotalCarbonFootprint().grams(), 0.031072482846666662);
  EXPECT_EQ(cumulator_.time_list(), std::vector<double>(10, 0.1));
  EXPECT_EQ(cumulator_.file_size_list(), std::vector<double>(10, 0.1));
}

TEST_F(CumulatorTest, ConstantsCanBeSet) {
  ASSERT_TRUE(cumulator_.set_carbon_intensity(334).ok());
  ASSERT_TRUE(cumulator_.set_one_byte_model(7.20e-8).ok());
  ASSERT_TRUE(cumulator_.DataTransferred(1e6).ok());
  EXPECT_NEAR(cumulator_.CommunicationCosts().grams(), 24.048, 1e-12);
  EXPECT_EQ(cumulator_.carbon_intensity(), 334);
  EXPECT_EQ(cumulator_.one_byte_model(), 7.20e-8);
}

TEST_F(CumulatorTest, HardwareLoadSetBeforehandCounts) {  // CUMULATOR: 111.75
  ASSERT_TRUE(cumulator_.set_hardware_load(700 / 3.6e6).ok());
  Count(absl::Hours(1));
  EXPECT_NEAR(cumulator_.ComputationCosts().grams(), 312.9, 1e-9);
}

TEST_F(CumulatorTest, ConstantsSetAfterwardsDoNotRepriceThePast) {  // CUMULATOR: 894 g
  Count(absl::Hours(1));
  ASSERT_TRUE(cumulator_.set_n_gpu(8).ok());
  EXPECT_EQ(cumulator_.ComputationCosts().grams(), 111.75);
  Count(absl::Hours(1));
  EXPECT_EQ(cumulator_.ComputationCosts().grams(), 111.75 + 894);
  EXPECT_EQ(cumulator_.cumulated_time(), 7200);
}

TEST_F(CumulatorTest, BytesAreTyped) {  // CUMULATOR, given bytes: 30.8 g
  ASSERT_TRUE(cumulator_.DataTransferred(Bytes(1'000'000)).ok());
  EXPECT_NEAR(cumulator_.CommunicationCosts().grams(), 0.03081618, 1e-12);
}

TEST_F(CumulatorTest, OffWithoutOnIsAnError) {
  EXPECT_EQ(cumulator_.Off().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cumulator_.cumulated_time(), 0);
}

TEST_F(CumulatorTest, SecondOffIsAnErrorAndCountsNoPause) {
  Count(absl::Seconds(10));
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(cumulator_.Off().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cumulator_.cumulated_time(), 10);
}

TEST_F(CumulatorTest, SecondOnIsAnErrorAndTheFirstGoesOn) {
  ASSERT_TRUE(cumulator_.On().ok());
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(cumulator_.On().code(), absl::StatusCode::kFailedPrecondition);
  clock_.Advance(absl::Seconds(5));
  ASSERT_TRUE(cumulator_.Off().ok());
  EXPECT_EQ(cumulator_.cumulated_time(), 15);
}

TEST_F(CumulatorTest, AStepOfTheWallClockIsNoTime) {
  for (absl::Duration step : {absl::Hours(1), -absl::Hours(2)}) {
    ASSERT_TRUE(cumulator_.On().ok());
    clock_.StepWall(step);
    clock_.Advance(absl::Seconds(10));
    ASSERT_TRUE(cumulator_.Off().ok());
  }
  EXPECT_EQ(cumulator_.cumulated_time(), 20);
}

TEST_F(CumulatorTest, RunReturnsWhatTheFunctionReturns) {
  const absl::StatusOr<int> sum = cumulator_.Run(
      [this](int a, int b) {
        clock_.Advance(absl::Seconds(3));
        return a + b;
      },
      1, 2);
  ASSERT_TRUE(sum.ok());
  EXPECT_EQ(*sum, 3);
  EXPECT_TRUE(cumulator_.Run([this] { clock_.Advance(absl::Seconds(4)); }).ok());
  EXPECT_EQ(cumulator_.time_list(), (std::vector<double>{3, 4}));
}

TEST_F(CumulatorTest, AnExceptionPassesThroughAndLosesNoInterval) {
  EXPECT_THROW(cumulator_
                   .Run([this] {
                     clock_.Advance(absl::Seconds(10));
                     throw std::runtime_error("training failed");
                   })
                   .IgnoreError(),
               std::runtime_error);
  EXPECT_EQ(cumulator_.cumulated_time(), 10);
  EXPECT_TRUE(cumulator_.On().ok());
}

TEST_F(CumulatorTest, RunInsideOnIsAnErrorAndCallsNothing) {
  ASSERT_TRUE(cumulator_.On().ok());
  bool called = false;
  EXPECT_EQ(cumulator_.Run([&] { called = true; }).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(called);
}

TEST_F(CumulatorTest, BadNumbersAreErrorsThatChangeNothing) {
  for (double bad : {-1.0, kNaN, kInfinity, -kInfinity}) {
    for (const absl::Status& status : {cumulator_.DataTransferred(bad), cumulator_.set_hardware_load(bad),
                                       cumulator_.set_one_byte_model(bad),
                                       cumulator_.set_carbon_intensity(bad), cumulator_.set_n_gpu(bad)}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    }
  }
  EXPECT_TRUE(cumulator_.DataTransferred(0).ok());
  EXPECT_EQ(cumulator_.file_size_list(), std::vector<double>{0});
  EXPECT_EQ(cumulator_.hardware_load(), 250 / 3.6e6);
  EXPECT_EQ(cumulator_.one_byte_model(), 6.894e-8);
  EXPECT_EQ(cumulator_.carbon_intensity(), 447);
  EXPECT_EQ(cumulator_.n_gpu(), 1);
}

// CUMULATOR counts 80 s of these 120.
TEST_F(CumulatorTest, ThreadsHaveStopwatchesOfTheirOwn) {
  ASSERT_TRUE(cumulator_.On().ok());
  clock_.Advance(absl::Seconds(40));
  std::thread([this] {
    EXPECT_TRUE(cumulator_.On().ok());
    clock_.Advance(absl::Seconds(20));
    EXPECT_TRUE(cumulator_.Off().ok());
  }).join();
  clock_.Advance(absl::Seconds(40));
  ASSERT_TRUE(cumulator_.Off().ok());
  EXPECT_EQ(cumulator_.cumulated_time(), 120);
}

TEST_F(CumulatorTest, ThreadsLoseNothing) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 2'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      for (int call = 0; call < kCalls; ++call) {
        EXPECT_TRUE(cumulator_.Run([] {}).ok());
        EXPECT_TRUE(cumulator_.DataTransferred(1.0).ok());
        cumulator_.TotalCarbonFootprint();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cumulator_.cumulated_data_traffic(), kThreads * kCalls);
  EXPECT_EQ(cumulator_.time_list().size(), size_t{kThreads * kCalls});
}

}  // namespace
}  // namespace fedcarbon
