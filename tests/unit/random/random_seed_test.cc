#include "tests/unit/random_seed.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace fedcarbon {
namespace {

/// The variable is the whole process's, and others' seeds may come from it.
class RandomSeedTest : public ::testing::Test {
 protected:
  ~RandomSeedTest() override {
    unsetenv(kVariable);
    if (before_.has_value()) setenv(kVariable, before_->c_str(), 1);
  }

  static constexpr const char* kVariable = "FEDCARBON_TEST_SEED";

 private:
  static std::optional<std::string> Before() {
    const char* const value = std::getenv(kVariable);
    return value == nullptr ? std::nullopt : std::make_optional<std::string>(value);
  }

  const std::optional<std::string> before_ = Before();
};

TEST_F(RandomSeedTest, IsWhatTheEnvironmentSaysAndPrinted) {
  setenv(kVariable, "4294967295", 1);
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(RandomSeed(), 4'294'967'295u);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "FEDCARBON_TEST_SEED=4294967295\n");
}

TEST_F(RandomSeedTest, IsDrawnOtherwise) {
  unsetenv(kVariable);
  const uint64_t first = RandomSeed();
  uint64_t next = first;
  for (int i = 0; i < 100 && next == first; ++i) next = RandomSeed();
  EXPECT_NE(next, first);
}

TEST_F(RandomSeedTest, OtherTextIsAnErrorThatNamesTheVariable) {
  for (const char* const text : {"", "x", "-1", "1 ", " 1", "0x1", "4294967296"}) {
    setenv(kVariable, text, 1);
    EXPECT_NONFATAL_FAILURE(RandomSeed(), "FEDCARBON_TEST_SEED=");
  }
}

}  // namespace
}  // namespace fedcarbon
