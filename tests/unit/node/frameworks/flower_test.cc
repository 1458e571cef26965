#include "node/frameworks/flower/flower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/node/frameworks/flower_calls.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the calls
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(FlowerTest, AMessageAndItsReplyAreBookedToTheRoundThatItsConfigNames) {
  const Transfer pulled = Pull({Id('a')});
  EXPECT_EQ(pulled.round, kNoRound);
  EXPECT_NE(pulled.binding, 0u);
  EXPECT_EQ(pulled.waste, v1::WASTE_UNSPECIFIED);
  const Transfer chunk =
      PullObject(Id('c'), Object("ArrayChunk  400000" + std::string(1, '\0') + std::string(400'000, 'x')));
  EXPECT_EQ(chunk.binding, pulled.binding);
  EXPECT_THAT(Bindings(), IsEmpty());

  EXPECT_EQ(PullObject(Id('d'), Object(Config("server-round", 2 * 4))).round, Round(4));
  ASSERT_THAT(Bindings(), SizeIs(1));
  EXPECT_EQ(Bindings()[0].key, pulled.binding);
  EXPECT_EQ(Bindings()[0].round, Round(4));

  EXPECT_EQ(PullObject(Id('e'), Object("Array  2" + std::string(1, '\0') + "{}")).round, Round(4));
  EXPECT_EQ(Confirm(Id('a')).round, Round(4));
  EXPECT_EQ(Push({Id('r'), Id('a')}, "session-1").round, Round(4));
  EXPECT_EQ(PushObject(Id('f'), "session-1").round, Round(4));
  EXPECT_THAT(Bindings(), SizeIs(1));
}

TEST_F(FlowerTest, OverHttpItIsTheSame) {
  Open open = Begin("/v1/fleet/pull-messages");
  Send(&open, End::kClient, Node(kNode));
  Send(&open, End::kServer, Message({Id('a'), "", "3"}));
  End(&open);
  EXPECT_EQ(Transfers().back().round, Round(3));
}

TEST_F(FlowerTest, TheRestOfThePortIsNotOfTheFleet) {
  for (const char* path : {"/v1/control/list-runs", "/v1/runtime/pull-messages",
                           "/flwr.proto.ServerAppIo/PullMessages", "/", "", "/v1/fleet"}) {
    EXPECT_EQ(Begin(path).rule, nullptr) << path;
  }
}

TEST_F(FlowerTest, AStrategyOfOldNamesTheRoundInTheGroup) {
  EXPECT_EQ(Pull({Id('a'), "", "0"}).round, Round(0));
  EXPECT_EQ(Pull({Id('b'), "", "9223372036854775807"}).round, Round(INT64_MAX));
  EXPECT_EQ(Pull({Id('c'), "", "9223372036854775808"}).round, kNoRound) << "past the greatest";
  EXPECT_EQ(Pull({Id('d'), "", "-1"}).round, kNoRound);
  EXPECT_EQ(Pull({Id('e'), "", "one"}).round, kNoRound);
}

TEST_F(FlowerTest, FirstWeightsAreAskedForInRound0) {
  const Metadata first{Id('a'), "", "", "get_parameters"};
  EXPECT_EQ(Pull(first).round, Round(0));
  EXPECT_EQ(Pull({Id('b'), "", "1"}).round, Round(1));
  EXPECT_EQ(Pull(first).round, Round(0));  // delivered again
  EXPECT_EQ(Pull({Id('c'), "", "", "get_parameters"}).round, kNoRound);
  EXPECT_EQ(Pull({Id('d'), "", "", "get_parameters", 3}).round, (RoundId{"flower:3", 0}));
}

TEST_F(FlowerTest, AConfigThatCameBeforeNamesTheRoundAgain) {
  Pull({Id('a')});
  PullObject(Id('d'), Object(Config("server-round", 2 * 4)));
  const Transfer pulled = Pull({Id('b')}, kOtherNode);
  const Transfer again = PullObject(Id('d'), "", kOtherNode);  // what it answers is not needed
  EXPECT_EQ(again.round, Round(4));
  ASSERT_THAT(Bindings(), SizeIs(2));
  EXPECT_EQ(Bindings()[1].key, pulled.binding);
  EXPECT_EQ(Bindings()[1].round, Round(4));
}

TEST_F(FlowerTest, TheRoundMayStandBehindALongConfig) {
  Pull({Id('a')});
  const std::string long_text = Delimited(4, std::string(1'000'000, 'x'));
  const std::string config =
      ConfigOf(ConfigItem("classes", long_text) + ConfigItem("server-round", Varint(2, 2 * 7)) +
               ConfigItem("round", Varint(2, 2 * 9)) + ConfigItem("more", long_text));
  EXPECT_EQ(PullObject(Id('d'), Object(config)).round, Round(7));
}

TEST_F(FlowerTest, AConfigThatIsCutNamesNoRound) {
  Pull({Id('a')});
  const std::string config = Config("server-round", 2 * 7);
  EXPECT_EQ(PullObject(Id('d'), Object(config.substr(0, config.size() - 1))).round, kNoRound);
  EXPECT_EQ(PullObject(Id('e'), Object(config + "\x0a")).round, kNoRound);
  EXPECT_EQ(PullObject(Id('f'), Object(config)).round, Round(7));
}

TEST_F(FlowerTest, OnlyANumberUnderTheRightKeyIsARound) {
  Pull({Id('a')});
  for (const std::string& content : std::vector<std::string>{
           Config("round", 2), Config("server-round", 3), "ConfigRecord  2",
           std::string("MetricRecord  9") + '\0' + Config("server-round", 2),
           std::string("ConfigRecord  9") + '\0' +
               Delimited(1, Delimited(1, "server-round") + Delimited(2, Delimited(2, "1")))}) {
    EXPECT_EQ(PullObject(Id('d'), Object(content)).round, kNoRound);
  }
  EXPECT_THAT(Bindings(), IsEmpty());
}

TEST_F(FlowerTest, RunsAndNodesAreKeptApart) {
  constexpr uint64_t kOtherRun = 2;
  Pull({Id('a'), "", "1"});
  Pull({Id('b'), "", "8", "evaluate", kOtherRun}, kOtherNode);
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).round, Round(1));
  EXPECT_EQ(PullObject(Id('c'), Object("Array"), kOtherNode, kOtherRun).round, (RoundId{"flower:2", 8}));
  // A run that the node does not work on, and a node that nobody knows.
  EXPECT_EQ(PullObject(Id('c'), Object("Array"), kNode, kOtherRun).round,
            (RoundId{"flower:2", std::nullopt}));
  EXPECT_EQ(PullObject(Id('c'), Object("Array"), 1).round, kNoRound);
}

TEST_F(FlowerTest, AfterItsConfirmationNoObjectBelongsToAMessage) {
  Pull({Id('a'), "", "1"});
  Confirm(Id('a'));
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).round, kNoRound);
}

TEST_F(FlowerTest, WithoutASessionAnObjectBelongsToTheLastReply) {
  Pull({Id('a'), "", "1"});
  Push({Id('r'), Id('a')}, "");
  EXPECT_EQ(PushObject(Id('f'), "").round, Round(1));
  EXPECT_EQ(PushObject(Id('f'), "unknown").round, kNoRound);
}

// Spans.

TEST_F(FlowerTest, ComputesFromTheConfirmationToTheReplyAtMost) {
  Pull({Id('a'), "", "1"});
  Confirm(Id('a'));
  meter_.clock.Advance(absl::Seconds(30));
  Push({Id('r'), Id('a')}, "s", 50.5);  // with a download that was slow
  ASSERT_THAT(Spans(), SizeIs(1));
  EXPECT_EQ(Spans()[0].kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(Spans()[0].round, Round(1));
  EXPECT_EQ(Spans()[0].wall, absl::Seconds(30));
  EXPECT_EQ(Spans()[0].start + Spans()[0].wall, meter_.clock.Now());
  EXPECT_EQ(Spans()[0].outcome, v1::OUTCOME_COMPLETED);
  EXPECT_TRUE(Spans()[0].is_upper_bound);
}

TEST_F(FlowerTest, ComputesForAsLongAsTheNodeSaysAtMost) {
  Pull({Id('a'), "", "1", "evaluate.fairness"});
  Confirm(Id('a'));
  meter_.clock.Advance(absl::Seconds(30));
  Push({Id('r'), Id('a'), "", "evaluate.fairness"}, "s", 20.25);
  ASSERT_THAT(Spans(), SizeIs(1));
  EXPECT_EQ(Spans()[0].kind, v1::SPAN_KIND_EVALUATE);
  EXPECT_EQ(Spans()[0].wall, absl::Seconds(20.25));
  EXPECT_TRUE(Spans()[0].is_upper_bound);
}

TEST_F(FlowerTest, AReplyThatIsSentAgainIsNoSecondComputation) {
  Pull({Id('a'), "", "1"});
  Confirm(Id('a'));
  Push({Id('r'), Id('a')}, "s");
  Push({Id('r'), Id('a')}, "s");
  EXPECT_THAT(Spans(), SizeIs(1));
}

TEST_F(FlowerTest, WhatNeverBeganIsNoComputation) {
  Push({Id('r'), Id('a')}, "s", 5.0);
  Pull({Id('a'), "", "1"});
  Push({Id('r'), Id('a')}, "s", 5.0);  // never confirmed
  EXPECT_THAT(Spans(), IsEmpty());
}

// Waste.

TEST_F(FlowerTest, WhatMovesForNothing) {
  EXPECT_EQ(Call("PullMessages", Node(kNode), "").waste, v1::WASTE_POLL);
  EXPECT_EQ(Call("SendNodeHeartbeat", Node(kNode) + Fixed64(2, 0), Varint(1, 1)).waste, v1::WASTE_HEARTBEAT);
  Pull({Id('a'), "", "1"});
  EXPECT_EQ(PullObject(Id('c'), Varint(1, 1)).waste, v1::WASTE_POLL) << "found, and not there yet";
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).waste, v1::WASTE_UNSPECIFIED);
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).waste, v1::WASTE_REPEATED);
  EXPECT_EQ(PullObject(Id('c'), Varint(1, 1)).waste, v1::WASTE_POLL) << "it comes once more, and not yet";
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).waste, v1::WASTE_REPEATED) << "it had come before";
  EXPECT_EQ(PullObject(Id('c'), Object("Array"), kOtherNode).waste, v1::WASTE_UNSPECIFIED)
      << "another node's first";
  EXPECT_EQ(PushObject(Id('c'), "s").waste, v1::WASTE_UNSPECIFIED) << "the other way";
  EXPECT_EQ(PushObject(Id('c'), "s").waste, v1::WASTE_REPEATED);
}

TEST_F(FlowerTest, WhatDidNotArriveIsTriedAgain) {
  Pull({Id('a'), "", "1"});
  const std::string request = Node(kNode) + Varint(2, kRun) + Delimited(3, Id('c'));
  EXPECT_EQ(CutCall("PullObject", request).waste, v1::WASTE_UNSPECIFIED);
  EXPECT_EQ(Call("PullObject", request, Object("Array"), /*status=*/14).waste, v1::WASTE_RETRY);
  EXPECT_EQ(Call("PullObject", request, Object("Array")).waste, v1::WASTE_RETRY);
  EXPECT_EQ(Call("PullObject", request, Object("Array")).waste, v1::WASTE_REPEATED);
}

// What is not what it seems.

TEST_F(FlowerTest, AMessageThatIsCutShortSaysNothing) {
  const std::string answer = Message({Id('a'), "", "1"});
  EXPECT_EQ(Call("PullMessages", Node(kNode), answer.substr(0, answer.size() - 1)).round, RoundId{});
  EXPECT_EQ(Call("PullMessages", Node(kNode).substr(0, 3), answer).round, RoundId{});
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).round, kNoRound) << "no message was begun";
}

TEST_F(FlowerTest, ANodeIsNamedAfterItsKey) {
  HeaderBlock request;
  request.fields = {{":path", "/v1/fleet/pull-messages"}, {"flwr-public-key", "a2V5"}};  // "key"
  const std::string name = flower_.CallerOf(request);
  EXPECT_EQ(name, "flower-2c70e12b7a0646f9");  // sha256sum of "key"
  request.fields = {{":path", "/flwr.proto.Fleet/PullMessages"},
                    {"flwr-public-key-bin", std::string("\0key", 4)}};
  EXPECT_EQ(flower_.CallerOf(request), name);
  request.fields = {{":path", "/flwr.proto.Fleet/PullMessages"}, {"flwr-public-key-bin", "a2V5"}};
  EXPECT_EQ(flower_.CallerOf(request), name);
  request.fields = {{":path", "/other"}, {"flwr-public-key-bin", "a2V5"}};
  EXPECT_EQ(flower_.CallerOf(request), "");
  request.fields = {{":path", "/v1/fleet/pull-messages"}, {"flwr-public-key", "§"}};
  EXPECT_EQ(flower_.CallerOf(request), "");
}

}  // namespace
}  // namespace fedcarbon::node
