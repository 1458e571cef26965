// The shapes of older releases: messages with their content inside, and tasks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/node/frameworks/flower_calls.h"

namespace fedcarbon::node::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class FlowerOlderTest : public FlowerTest {};

// RecordSet {1 parameters, 2 metrics, 3 configs}, each a map.
std::string Content(const std::string& setting = "", uint64_t zigzag = 0) {
  const std::string array = Delimited(1, "float32") + Delimited(4, std::string(10'000, 'x'));
  const std::string parameters =
      Delimited(1, Delimited(1, "fitins.parameters") + Delimited(2, Delimited(2, array)));
  if (setting.empty()) return parameters;
  const std::string other = Delimited(1, Delimited(1, "lr") + Delimited(2, Fixed64(1, Bits(0.5))));
  const std::string round = Delimited(1, Delimited(1, setting) + Delimited(2, Varint(2, zigzag)));
  return parameters + Delimited(3, Delimited(1, "fitins.config") + Delimited(2, other + round + other));
}

// A task's field 4; ancestry is what it replies to.
std::string Task(const std::string& id, const std::string& group, const std::string& content,
                 const std::string& ancestry = "") {
  const std::string inside = (ancestry.empty() ? ancestry : Delimited(7, ancestry)) + Delimited(8, "train");
  return Delimited(2, Delimited(1, id) + Delimited(2, group) + Varint(3, kRun) +
                          Delimited(4, inside + Delimited(9, content)));
}

std::string InlineMessage(const Metadata& metadata, const std::string& content) {
  const std::string fields = Varint(1, metadata.run) + Delimited(2, metadata.message) +
                             Delimited(5, metadata.reply_to) + Delimited(6, metadata.group) +
                             Delimited(8, metadata.type);
  return Delimited(2, Delimited(1, fields) + Delimited(2, content));
}

TEST_F(FlowerOlderTest, AMessageWithItsContentInsideNamesItsRoundThere) {
  const Transfer pulled =
      Call("PullMessages", Node(kNode), InlineMessage({Id('a')}, Content("server-round", 2 * 4)));
  EXPECT_EQ(pulled.round, Round(4));
  meter_.clock.Advance(absl::Seconds(30));
  const Transfer pushed = Call("PushMessages", Node(kNode) + InlineMessage({"", Id('a')}, Content()),
                               "");  // its id is not known yet
  EXPECT_EQ(pushed.round, Round(4));
  ASSERT_THAT(Spans(), SizeIs(1));
  EXPECT_EQ(Spans()[0].kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(Spans()[0].round, Round(4));
  EXPECT_EQ(Spans()[0].wall, absl::Seconds(30));
  EXPECT_THAT(Bindings(), IsEmpty());
}

TEST_F(FlowerOlderTest, TheGroupOfAMessageGoesBeforeItsContent) {
  EXPECT_EQ(
      Call("PullMessages", Node(kNode), InlineMessage({Id('a'), "", "2"}, Content("server-round", 2 * 4)))
          .round,
      Round(2));
}

TEST_F(FlowerOlderTest, OtherSettingsInsideAreNoRound) {
  EXPECT_EQ(Call("PullMessages", Node(kNode), InlineMessage({Id('a')}, Content("rounds", 2))).round,
            kNoRound);
  EXPECT_EQ(Call("PullMessages", Node(kNode), InlineMessage({Id('b')}, Content("server-round", 3))).round,
            kNoRound)
      << "a negative one";
  // Where releases since 1.19 have it in an object: such a message is not theirs, and names nothing.
  const std::string record = Delimited(1, Delimited(1, "server-round") + Delimited(2, Varint(2, 8)));
  EXPECT_EQ(
      Call("PullMessages", Node(kNode), InlineMessage({Id('c')}, Delimited(1, Delimited(4, record)))).round,
      kNoRound);
}

TEST_F(FlowerOlderTest, AMessageWithItsContentInsideHasNoObjects) {
  Call("PullMessages", Node(kNode), InlineMessage({Id('a'), "", "1"}, Content()));
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).round, kNoRound);
}

TEST_F(FlowerOlderTest, AMessageInsideThatDidNotArriveIsNotComputedYet) {
  Call("PullMessages", Node(kNode), InlineMessage({Id('a'), "", "1"}, Content()), /*status=*/14);
  Call("PushMessages", Node(kNode) + InlineMessage({"", Id('a')}, Content()), "");
  EXPECT_THAT(Spans(), IsEmpty());
}

TEST_F(FlowerOlderTest, ATaskIsBookedAsAMessageIs) {
  EXPECT_EQ(Call("PullTaskIns", Node(kNode), Task("task", "3", Content())).round, Round(3));
  meter_.clock.Advance(absl::Seconds(20));
  EXPECT_EQ(Call("PushTaskRes", Node(kNode) + Task("", "3", Content(), "task"), "").round, Round(3));
  ASSERT_THAT(Spans(), SizeIs(1));
  EXPECT_EQ(Spans()[0].round, Round(3));
  EXPECT_EQ(Spans()[0].wall, absl::Seconds(20));
  EXPECT_EQ(Call("PullTaskIns", Node(kNode), Task("other", "", Content("server-round", 2 * 9))).round,
            Round(9));
  EXPECT_EQ(Call("PushTaskRes", Node(kNode) + Task("", "", Content(), "unknown"), "").round, kNoRound);
  EXPECT_EQ(Call("PullTaskIns", Node(kNode), "").waste, v1::WASTE_POLL);
  EXPECT_EQ(Call("Ping", Node(kNode) + Fixed64(2, 0), Varint(1, 1)).waste, v1::WASTE_HEARTBEAT);
}

TEST_F(FlowerOlderTest, OverTheHttpOfOldItIsTheSame) {
  Open open = Begin("/api/v0/fleet/pull-task-ins");
  Send(&open, End::kClient, Node(kNode));
  Send(&open, End::kServer, Task("task", "3", Content()));
  End(&open);
  EXPECT_EQ(Transfers().back().round, Round(3));
}

}  // namespace
}  // namespace fedcarbon::node::testing
