// Runs, rounds and nodes that mix, and messages that only look like Flower's: booked right or *unattributed*.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/node/frameworks/flower_calls.h"

namespace fedcarbon::node::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class FlowerMixedTest : public FlowerTest {};

constexpr uint64_t kOtherRun = 2;
const RoundId kNoOtherRound{"flower:2", std::nullopt};
RoundId OtherRound(uint64_t round) { return {"flower:2", round}; }

std::string Request(uint64_t node, uint64_t run, const std::string& object) {
  return Node(node) + Varint(2, run) + Delimited(3, object);
}

const std::string kArray = Object("Array  2" + std::string(1, '\0') + "{}");

// ---- What mixes

TEST_F(FlowerMixedTest, TwoRunsAtOnceAreKeptApart) {
  const Transfer one = Pull({Id('a')});
  const Transfer other = Pull({Id('a'), "", "", "train", kOtherRun}, kOtherNode);  // the same id
  EXPECT_NE(one.binding, other.binding);
  PullObject(Id('d'), Object(Config("server-round", 2 * 4)));
  EXPECT_EQ(PullObject(Id('c'), kArray, kOtherNode, kOtherRun).round, kNoOtherRound);
  // The id of a config that named a round in one run names none in another.
  EXPECT_EQ(PullObject(Id('d'), kArray, kOtherNode, kOtherRun).round, kNoOtherRound);
  EXPECT_EQ(PullObject(Id('d'), Object(Config("server-round", 2 * 9)), kOtherNode, kOtherRun).round,
            OtherRound(9));
  EXPECT_EQ(PullObject(Id('c'), kArray).round, Round(4));
  ASSERT_THAT(Bindings(), SizeIs(2));
  EXPECT_EQ(Bindings()[0].key, one.binding);
  EXPECT_EQ(Bindings()[1].key, other.binding);
}

TEST_F(FlowerMixedTest, OneNodeMayWorkOnTwoRunsInTurn) {
  Pull({Id('a'), "", "1"});
  Confirm(Id('a'));
  Pull({Id('b'), "", "8", "train", kOtherRun});
  EXPECT_EQ(PullObject(Id('c'), kArray, kNode, kOtherRun).round, OtherRound(8));
  EXPECT_EQ(Push({Id('r'), Id('a')}, "s").round, Round(1));
  EXPECT_EQ(PullObject(Id('c'), kArray, kNode, kOtherRun).round, OtherRound(8));
  EXPECT_EQ(PushObject(Id('f'), "s").round, Round(1));
}

TEST_F(FlowerMixedTest, ASessionOfOneRunIsNoneOfAnother) {
  Pull({Id('a'), "", "1"});
  Push({Id('r'), Id('a')}, "s");
  EXPECT_EQ(Call("PushObject", Request(kNode, kOtherRun, Id('f')) + Delimited(5, "s"), Varint(1, 1)).round,
            kNoOtherRound);
  EXPECT_EQ(Call("PushObject", Request(kNode, kOtherRun, Id('f')), Varint(1, 1)).round, kNoOtherRound);
}

TEST_F(FlowerMixedTest, ARunThatRestartsWithTheSameIdBeginsAnew) {
  Pull({Id('a'), "", "3"});
  PullObject(Id('c'), kArray);  // and then the server went down
  EXPECT_EQ(Pull({Id('b'), "", "1"}).round, Round(1));
  EXPECT_EQ(PullObject(Id('c'), kArray).round, Round(1));
  EXPECT_EQ(Confirm(Id('b')).round, Round(1));
  EXPECT_EQ(Push({Id('r'), Id('b')}, "s").round, Round(1));
  EXPECT_EQ(PushObject(Id('f'), "s").round, Round(1));
}

TEST_F(FlowerMixedTest, AMessageIdThatComesAgainForAnotherRoundIsOfThatRound) {
  Pull({Id('a'), "", "3"});
  EXPECT_EQ(Pull({Id('a'), "", "1"}).round, Round(1));
  EXPECT_EQ(PullObject(Id('c'), kArray).round, Round(1));
  EXPECT_EQ(Push({Id('r'), Id('a')}, "s").round, Round(1));
}

TEST_F(FlowerMixedTest, AMessageThatIsPulledAgainKeepsItsRound) {
  const Transfer pulled = Pull({Id('a')});
  EXPECT_EQ(Pull({Id('a')}).binding, pulled.binding) << "it did not arrive at first";
  PullObject(Id('d'), Object(Config("server-round", 2 * 4)));
  EXPECT_EQ(Pull({Id('a')}).round, Round(4));
  EXPECT_THAT(Bindings(), SizeIs(1));
}

TEST_F(FlowerMixedTest, ANodeThatRegistersAgainHasNothingOfItsOldId) {
  Pull({Id('a'), "", "1"});
  EXPECT_EQ(PullObject(Id('c'), kArray, kOtherNode).round, kNoRound);
  Pull({Id('a'), "", "1"}, kOtherNode);
  EXPECT_EQ(PullObject(Id('c'), kArray, kOtherNode).round, Round(1));
  // What it replies to says for itself which message that was.
  EXPECT_EQ(Push({Id('r'), Id('a')}, "s").round, Round(1));
}

TEST_F(FlowerMixedTest, ARoundMayBeginBeforeTheLastOneHasGoneUp) {
  Pull({Id('a'), "", "3"});
  Confirm(Id('a'));
  Push({Id('r'), Id('a')}, "s3");
  Open late = Begin("/flwr.proto.Fleet/PushObject");
  Send(&late, End::kClient, Request(kNode, kRun, Id('f')) + Delimited(5, "s3"));
  Pull({Id('b'), "", "4"});
  EXPECT_EQ(PullObject(Id('c'), kArray).round, Round(4));
  EXPECT_EQ(PushObject(Id('g'), "s3").round, Round(3));
  Confirm(Id('b'));
  Push({Id('q'), Id('b')}, "s4");
  EXPECT_EQ(PushObject(Id('h'), "s4").round, Round(4));
  EXPECT_EQ(PushObject(Id('i'), "s3").round, Round(3));
  Send(&late, End::kServer, Varint(1, 1));
  End(&late);
  EXPECT_EQ(Transfers().back().round, Round(3));
}

TEST_F(FlowerMixedTest, WithoutSessionsToo) {
  Pull({Id('a'), "", "3"});
  Push({Id('r'), Id('a')}, "");
  Pull({Id('b'), "", "4"});
  EXPECT_EQ(PushObject(Id('g'), "").round, Round(3));
  Push({Id('q'), Id('b')}, "");
  EXPECT_EQ(PushObject(Id('h'), "").round, Round(4));
}

// A config that was asked for names the round of the message that it was asked for, not of a later one.
TEST_F(FlowerMixedTest, AnAnswerThatComesLateNamesTheRoundOfItsOwnMessage) {
  const Transfer early = Pull({Id('a')});
  Open late = Begin("/flwr.proto.Fleet/PullObject");
  Send(&late, End::kClient, Request(kNode, kRun, Id('d')));
  const Transfer next = Pull({Id('b')});
  Send(&late, End::kServer, Object(Config("server-round", 2 * 3)));
  End(&late);
  EXPECT_EQ(Transfers().back().round, Round(3));
  ASSERT_THAT(Bindings(), SizeIs(1));
  EXPECT_EQ(Bindings()[0].key, early.binding);
  EXPECT_EQ(PullObject(Id('c'), kArray).binding, next.binding);
}

TEST_F(FlowerMixedTest, ANodeThatAsksForWorkHasGivenUpItsMessage) {
  Pull({Id('a'), "", "1"});
  Call("PullMessages", Node(kNode), "");
  EXPECT_EQ(PullObject(Id('c'), kArray).round, kNoRound);
}

TEST_F(FlowerMixedTest, ObjectsMayBeSharedByRoundsAndNodes) {
  Pull({Id('a')});
  PullObject(Id('d'), Object(Config("server-round", 2 * 1)));
  PullObject(Id('c'), kArray);
  Confirm(Id('a'));
  Pull({Id('b'), "", "", "evaluate"});
  EXPECT_EQ(PullObject(Id('c'), kArray).round, kNoRound) << "an array is of no round";
  EXPECT_EQ(PullObject(Id('d'), kArray).round, Round(1)) << "of the same round: its config is the same";
  Confirm(Id('b'));
  Pull({Id('e')});
  EXPECT_EQ(PullObject(Id('g'), Object(Config("server-round", 2 * 2))).round, Round(2));
  EXPECT_EQ(PullObject(Id('c'), kArray).round, Round(2));
  EXPECT_EQ(PullObject(Id('d'), kArray).round, Round(2)) << "the first that names a round has named it";
}

TEST_F(FlowerMixedTest, AReplyToAMessageThatNobodySawIsOfItsRun) {
  EXPECT_EQ(Confirm(Id('a')).round, kNoRound);
  const Transfer reply = Push({Id('r'), Id('a')}, "s", 2.0);
  EXPECT_EQ(reply.round, kNoRound);
  EXPECT_EQ(reply.binding, 0u);
  EXPECT_EQ(PushObject(Id('f'), "s").round, kNoRound);
  EXPECT_EQ(PushObject(Id('f'), "").round, kNoRound);
  EXPECT_EQ(PullObject(Id('d'), Object(Config("server-round", 2))).round, kNoRound);
  EXPECT_THAT(Spans(), IsEmpty());
  EXPECT_THAT(Bindings(), IsEmpty());
}

TEST_F(FlowerMixedTest, SeveralMessagesAtOnceAreOfNoRound) {
  const std::string both = Message({Id('a'), "", "1"}) + Message({Id('b'), "", "2"});
  Pull({Id('c'), "", "7"});
  EXPECT_EQ(Call("PullMessages", Node(kNode), both).round, RoundId{});
  EXPECT_EQ(PullObject(Id('d'), kArray).round, kNoRound);
  Pull({Id('a'), "", "1"});
  Pull({Id('b'), "", "2"});
  Confirm(Id('a'));
  Push({Id('r'), Id('a')}, "");
  const std::string replies = Message({Id('r'), Id('a')}) + Message({Id('s'), Id('b')});
  EXPECT_EQ(Call("PushMessages", Node(kNode) + replies, Delimited(4, "s")).round, RoundId{});
  EXPECT_EQ(PushObject(Id('f'), "s").round, kNoRound);
  EXPECT_EQ(PushObject(Id('f'), "").round, kNoRound);
}

// ---- What only looks like it

TEST_F(FlowerMixedTest, ANumberOfAnotherMethodIsNoRun) {
  const std::string registration = Delimited(1, "key") + Fixed64(2, Bits(30.0));
  EXPECT_EQ(Call("ActivateNode", registration, Varint(1, kNode)).round, RoundId{});
  EXPECT_EQ(Call("Unheard", Node(kNode) + Varint(2, kRun), "").round, RoundId{});
  EXPECT_EQ(Call("GetRun", Node(kNode) + Varint(2, kRun), Delimited(1, "run")).round, kNoRound);
  EXPECT_EQ(Call("GetFab", Node(kNode) + Delimited(2, "hash") + Varint(3, kRun), Delimited(1, "fab")).round,
            kNoRound);
}

TEST_F(FlowerMixedTest, FieldsOfAnotherVersionSayNothing) {
  // Everything one number further, and as other types.
  EXPECT_EQ(
      Call("PullMessages", Delimited(2, Varint(1, kNode)), Delimited(3, Delimited(1, Varint(1, kRun)))).round,
      RoundId{});
  EXPECT_EQ(
      Call("PullMessages", Node(kNode), Delimited(2, Delimited(1, Delimited(1, "run") + Varint(2, 1)))).round,
      RoundId{});
  EXPECT_EQ(Call("PullMessages", Varint(1, kNode), Varint(2, kRun)).round, RoundId{});
  EXPECT_EQ(Call("PullObject", Node(kNode) + Delimited(2, "run") + Varint(3, 1), kArray).round, RoundId{});
  // Without a node two of them would be one.
  Call("PullMessages", "", Message({Id('a'), "", "1"}));
  EXPECT_EQ(Call("PullObject", Varint(2, kRun) + Delimited(3, Id('c')), kArray).round, kNoRound);
}

TEST_F(FlowerMixedTest, WhatIsNoMessageSaysNothing) {
  const std::string answer = Message({Id('a'), "", "1"});
  std::string nest = answer;
  for (int i = 0; i < 1'000; ++i) nest = Delimited(2, nest);
  std::string too_long = answer;
  too_long[1] = '\x7f';  // of the first message
  for (const std::string& what : {nest, too_long, std::string(4'000, '\xff'), std::string(100, '\0'),
                                  std::string("{\"detail\":\"unavailable\"}"), std::string("null"),
                                  std::string("\"a text\""), answer + '\x0b'}) {
    const Transfer pulled = Call("PullMessages", Node(kNode), what);
    EXPECT_EQ(pulled.round.round, std::nullopt);
    EXPECT_EQ(PullObject(Id('c'), kArray).round, kNoRound);
    EXPECT_EQ(Call("PushMessages", what, "").round.round, std::nullopt);
    EXPECT_EQ(PushObject(Id('c'), "").round, kNoRound);
  }
}

TEST_F(FlowerMixedTest, ACallOfSeveralMessagesIsBookedByItsFirst) {
  Pull({Id('a'), "", "1"});
  Pull({Id('b'), "", "2"}, kOtherNode);
  Open open = Begin("/flwr.proto.Fleet/PullObject");
  Send(&open, End::kClient, Request(kNode, kRun, Id('c')));
  Send(&open, End::kClient, Request(kOtherNode, kRun, Id('c')));
  Send(&open, End::kServer, kArray);
  Send(&open, End::kServer, Object(Config("server-round", 2 * 9)));
  End(&open);
  EXPECT_EQ(Transfers().back().round, Round(1));
}

TEST_F(FlowerMixedTest, AnAnswerWithoutAQuestionSaysNothing) {
  Open open = Begin("/flwr.proto.Fleet/PullMessages");
  Send(&open, End::kServer, Message({Id('a'), "", "1"}));
  End(&open);
  EXPECT_EQ(Transfers().back().round, RoundId{});
}

TEST_F(FlowerMixedTest, OnlyAPollThatWentWellWasForNothing) {
  EXPECT_EQ(Call("PullMessages", Node(kNode), "", /*status=*/14).waste, v1::WASTE_UNSPECIFIED);
}

TEST_F(FlowerMixedTest, WhatTheOtherEndDoesNotHaveHasNotMoved) {
  Pull({Id('a'), "", "1"});
  EXPECT_EQ(PullObject(Id('c'), "").waste, v1::WASTE_UNSPECIFIED);
  EXPECT_EQ(PullObject(Id('c'), kArray).waste, v1::WASTE_UNSPECIFIED);
}

}  // namespace
}  // namespace fedcarbon::node::testing
