#include "node/frameworks/flower/fleet_joins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fedcarbon::node::flower {
namespace {

constexpr uint64_t kRun = 7;

std::string Id(size_t number) { return std::to_string(number); }

RoundId Round(uint64_t round) { return {"flower:7", round}; }
const RoundId kNoRound{"flower:7", std::nullopt};

/// What messages say; each begins where a test does.
FleetMessage Instruction(size_t number, uint64_t round) {
  FleetMessage message;
  message.run = kRun;
  message.messages = 1;
  message.message = Id(number);
  message.group = std::to_string(round);
  return message;
}

FleetMessage Reply(uint64_t node, size_t to) {
  FleetMessage request;
  request.node = node;
  request.run = kRun;
  request.messages = 1;
  request.reply_to = Id(to);
  return request;
}

FleetMessage OfObject(uint64_t node, const std::string& object, const std::string& session = "") {
  FleetMessage request;
  request.node = node;
  request.run = kRun;
  request.object = object;
  request.session = session;
  return request;
}

FleetJoins::Move Pulled(const std::string& object) { return {1, kRun, FleetJoins::Way::kObjectDown, object}; }

TEST(FleetJoinsTest, KeepsAsManyInstructionsAsItSays) {
  FleetJoins joins;
  for (size_t i = 0; i < FleetJoins::kInstructions; ++i) joins.BeginInstruction(1, Instruction(i, 3), i + 1);
  EXPECT_EQ(joins.OfConfirm(OfObject(1, Id(0))).round, Round(3));  // which uses it
  joins.BeginInstruction(1, Instruction(FleetJoins::kInstructions, 3), 1);
  EXPECT_EQ(joins.OfConfirm(OfObject(1, Id(0))).round, Round(3));
  EXPECT_EQ(joins.OfConfirm(OfObject(1, Id(1))).round, kNoRound);
}

TEST(FleetJoinsTest, KnowsWhatAsManyNodesWorkOnAsItSays) {
  FleetJoins joins;
  for (uint64_t node = 1; node <= FleetJoins::kNodes; ++node)
    joins.BeginInstruction(node, Instruction(node, 3), node);
  EXPECT_EQ(joins.OfPulledObject(OfObject(1, "c")).booking.round, Round(3));
  joins.BeginInstruction(FleetJoins::kNodes + 1, Instruction(0, 3), 1);
  EXPECT_EQ(joins.OfPulledObject(OfObject(1, "c")).booking.round, Round(3));
  EXPECT_EQ(joins.OfPulledObject(OfObject(2, "c")).booking.round, kNoRound);
}

TEST(FleetJoinsTest, KnowsWhatAsManyNodesReplyToAsItSays) {
  FleetJoins joins;
  joins.BeginInstruction(1, Instruction(0, 3), 1);
  for (uint64_t node = 1; node <= FleetJoins::kNodes; ++node) joins.OfReply(Reply(node, 0));
  EXPECT_EQ(joins.OfPushedObject(OfObject(1, "c")).round, Round(3));
  joins.OfReply(Reply(FleetJoins::kNodes + 1, 0));
  EXPECT_EQ(joins.OfPushedObject(OfObject(1, "c")).round, Round(3));
  EXPECT_EQ(joins.OfPushedObject(OfObject(2, "c")).round, kNoRound);
}

TEST(FleetJoinsTest, KeepsAsManySessionsAsItSays) {
  FleetJoins joins;
  joins.BeginInstruction(1, Instruction(0, 3), 1);
  for (size_t i = 0; i < FleetJoins::kInstructions; ++i) joins.BeginSession(Reply(1, 0), Id(i));
  EXPECT_EQ(joins.OfPushedObject(OfObject(1, "c", Id(0))).round, Round(3));
  joins.BeginSession(Reply(1, 0), "one more");
  EXPECT_EQ(joins.OfPushedObject(OfObject(1, "c", Id(0))).round, Round(3));
  EXPECT_EQ(joins.OfPushedObject(OfObject(1, "c", Id(1))).round, kNoRound);
}

TEST(FleetJoinsTest, KnowsTheRoundsOfAsManyObjectsAsItSays) {
  FleetJoins joins;
  FleetMessage instruction = Instruction(0, 0);
  instruction.group.clear();
  for (size_t i = 0; i < FleetJoins::kInstructions; ++i) joins.NameRound(OfObject(1, Id(i)), {}, 3);
  const auto round_of = [&](size_t object) {
    joins.EndInstruction(1);
    instruction.message = "of " + Id(object);
    joins.BeginInstruction(1, instruction, 1);
    return joins.OfPulledObject(OfObject(1, Id(object))).booking.round;
  };
  EXPECT_EQ(round_of(0), Round(3));
  joins.NameRound(OfObject(1, "one more"), {}, 3);
  EXPECT_EQ(round_of(0), Round(3));
  EXPECT_EQ(round_of(1), kNoRound);
}

TEST(FleetJoinsTest, KnowsOfAsManyRunsThatTheyHaveBegunAsItSays) {
  FleetJoins joins;
  const auto begin = [&](uint64_t run) {
    FleetMessage message = Instruction(run, 1);
    message.run = run;
    joins.BeginInstruction(1, message, 1);
  };
  const auto first_weights_of = [&](uint64_t run) {
    FleetMessage message = Instruction(0, 0);
    message.run = run;
    message.group.clear();
    message.type = "get_parameters";
    return joins.BeginInstruction(1, message, 1).round.round;
  };
  for (uint64_t run = 1; run <= FleetJoins::kInstructions; ++run) begin(run);
  EXPECT_EQ(first_weights_of(1), std::nullopt);  // which uses it
  begin(FleetJoins::kInstructions + 1);
  EXPECT_EQ(first_weights_of(1), std::nullopt);
  EXPECT_EQ(first_weights_of(2), 0u);
}

TEST(FleetJoinsTest, KnowsWhatMovedOfAsManyObjectsAsItSays) {
  FleetJoins joins;
  for (size_t i = 0; i < FleetJoins::kObjects; ++i) joins.BeginMove(Pulled(Id(i)));
  EXPECT_EQ(joins.BeginMove(Pulled(Id(0))), v1::WASTE_REPEATED);
  EXPECT_EQ(joins.BeginMove(Pulled("one more")), v1::WASTE_UNSPECIFIED);
  EXPECT_EQ(joins.BeginMove(Pulled(Id(0))), v1::WASTE_REPEATED);
  EXPECT_EQ(joins.BeginMove(Pulled(Id(1))), v1::WASTE_UNSPECIFIED);
}

TEST(FleetJoinsTest, JoinsNothingThatHasNoId) {
  FleetJoins joins;
  FleetMessage instruction = Instruction(0, 3);
  instruction.message.clear();
  const Booking booking = joins.BeginInstruction(1, instruction, 5);
  EXPECT_EQ(booking.round, Round(3)) << "itself it can name";
  EXPECT_EQ(booking.key, 0u);
  EXPECT_EQ(joins.OfPulledObject(OfObject(1, "c")).booking.round, kNoRound);
  EXPECT_EQ(joins.OfConfirm(OfObject(1, "")).round, kNoRound);
  FleetMessage reply = Reply(1, 0);
  reply.reply_to.clear();
  EXPECT_EQ(joins.OfReply(reply).round, kNoRound);
  joins.BeginSession(reply, "s");
  EXPECT_EQ(joins.OfPushedObject(OfObject(1, "c", "s")).round, kNoRound);
  EXPECT_EQ(joins.OfPushedObject(OfObject(1, "c")).round, kNoRound);
  joins.NameRound(OfObject(1, ""), {}, 3);
  instruction = Instruction(1, 0);
  instruction.group.clear();
  joins.BeginInstruction(1, instruction, 6);
  EXPECT_EQ(joins.OfPulledObject(OfObject(1, "")).booking.round, kNoRound);
}

TEST(FleetJoinsTest, JoinsNothingOfANodeThatHasNoId) {
  FleetJoins joins;
  joins.BeginInstruction(0, Instruction(0, 3), 1);
  EXPECT_EQ(joins.OfPulledObject(OfObject(0, "c")).booking.round, kNoRound);
  EXPECT_EQ(joins.OfReply(Reply(0, 0)).round, Round(3)) << "it names its instruction";
  EXPECT_EQ(joins.OfPushedObject(OfObject(0, "c")).round, kNoRound);
}

}  // namespace
}  // namespace fedcarbon::node::flower
