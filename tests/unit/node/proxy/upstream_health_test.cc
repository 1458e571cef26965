#include "node/proxy/upstream_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/node/proxy/log_capture.h"

namespace fedcarbon::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::LogCapture;
using ::testing::SizeIs;

constexpr char kLost[] =
    "upstream fl.example.org:1 is not reached: Connection refused; clients' connections are reset until it "
    "is";
constexpr char kFound[] = "upstream fl.example.org:1 is reached again";

class UpstreamHealthTest : public ::testing::Test {
 protected:
  void Fail() { health_.Failed("fl.example.org:1", "Connection refused", now_); }
  void Reach() { health_.Reached("fl.example.org:1"); }

  const LogCapture log_;
  UpstreamHealth health_;
  absl::Duration now_ = absl::Hours(1);
};

TEST_F(UpstreamHealthTest, SaysNothingOfWhatGoesWell) {
  Reach();
  Reach();
  EXPECT_THAT(log_.lines(), IsEmpty());
}

TEST_F(UpstreamHealthTest, TellsOnceThatAnUpstreamIsLostAndThatItIsBack) {
  for (int i = 0; i < 100; ++i) {
    Fail();
    now_ += UpstreamHealth::kQuiet;
  }
  Reach();
  Reach();
  EXPECT_THAT(log_.lines(), ElementsAre(kLost, kFound));
}

TEST_F(UpstreamHealthTest, TellsOfOneThatFailsNowAndThenOnceInAWhile) {
  Fail();
  Reach();
  for (int i = 0; i < 10; ++i) {
    now_ += UpstreamHealth::kQuiet / 10 - absl::Nanoseconds(1);
    Fail();
    Reach();
  }
  EXPECT_THAT(log_.lines(), ElementsAre(kLost, kFound));
  now_ += UpstreamHealth::kQuiet;
  Fail();
  EXPECT_THAT(log_.lines(), ElementsAre(kLost, kFound, kLost));
}

}  // namespace
}  // namespace fedcarbon::node
