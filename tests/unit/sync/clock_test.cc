#include "fedcarbon/sync/clock.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"

namespace fedcarbon {
namespace {

TEST(ClockTest, SystemTimeIsNowAndMonotonicNeverStepsBack) {
  const Clock* clock = Clock::System();
  EXPECT_LT(absl::AbsDuration(clock->Now() - absl::Now()), absl::Minutes(1));
  absl::Duration last = clock->Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration now = clock->Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, ManualClockAdvancesBothAndStepsWallAlone) {
  ManualClock clock(absl::FromUnixSeconds(1000));
  const absl::Duration start = clock.Monotonic();
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1005));
  EXPECT_EQ(clock.Monotonic() - start, absl::Seconds(5));
  clock.StepWall(-absl::Hours(1));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1005 - 3600));
  EXPECT_EQ(clock.Monotonic() - start, absl::Seconds(5));
}

}  // namespace
}  // namespace fedcarbon
