#include "fedcarbon/status/check.h"

#include <gtest/gtest.h>

namespace fedcarbon {
namespace {

TEST(CheckTest, WhatHoldsIsEvaluatedOnceAndGoesOn) {
  int evaluated = 0;
  FEDCARBON_CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckDeathTest, WhatDoesNotHoldEndsTheProgramAndIsNamed) {
  EXPECT_DEATH(FEDCARBON_CHECK(1 + 1 == 3), "check_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace fedcarbon
