#include "node/frameworks/flower/joined_calls.h"

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

JoinedCalls::Move Pulled(const std::string& object) {
  return {1, kRun, JoinedCalls::MoveKind::kObjectDown, object};
}

TEST(JoinedCallsTest, KeepsAsManyInstructionsAsItSays) {
  JoinedCalls calls;
  for (size_t i = 0; i < JoinedCalls::kInstructions; ++i) calls.BeginInstruction(1, Instruction(i, 3), i + 1);
  EXPECT_EQ(calls.OfConfirm(OfObject(1, Id(0))).round, Round(3));  // which uses it
  calls.BeginInstruction(1, Instruction(JoinedCalls::kInstructions, 3), 1);
  EXPECT_EQ(calls.OfConfirm(OfObject(1, Id(0))).round, Round(3));
  EXPECT_EQ(calls.OfConfirm(OfObject(1, Id(1))).round, kNoRound);
}

TEST(JoinedCallsTest, KnowsWhatAsManyNodesWorkOnAsItSays) {
  JoinedCalls calls;
  for (uint64_t node = 1; node <= JoinedCalls::kNodes; ++node)
    calls.BeginInstruction(node, Instruction(node, 3), node);
  EXPECT_EQ(calls.OfPulledObject(OfObject(1, "c")).entry.round, Round(3));
  calls.BeginInstruction(JoinedCalls::kNodes + 1, Instruction(0, 3), 1);
  EXPECT_EQ(calls.OfPulledObject(OfObject(1, "c")).entry.round, Round(3));
  EXPECT_EQ(calls.OfPulledObject(OfObject(2, "c")).entry.round, kNoRound);
}

TEST(JoinedCallsTest, KnowsWhatAsManyNodesReplyToAsItSays) {
  JoinedCalls calls;
  calls.BeginInstruction(1, Instruction(0, 3), 1);
  for (uint64_t node = 1; node <= JoinedCalls::kNodes; ++node) calls.OfReply(Reply(node, 0));
  EXPECT_EQ(calls.OfPushedObject(OfObject(1, "c")).round, Round(3));
  calls.OfReply(Reply(JoinedCalls::kNodes + 1, 0));
  EXPECT_EQ(calls.OfPushedObject(OfObject(1, "c")).round, Round(3));
  EXPECT_EQ(calls.OfPushedObject(OfObject(2, "c")).round, kNoRound);
}

TEST(JoinedCallsTest, KeepsAsManySessionsAsItSays) {
  JoinedCalls calls;
  calls.BeginInstruction(1, Instruction(0, 3), 1);
  for (size_t i = 0; i < JoinedCalls::kInstructions; ++i) calls.BeginSession(Reply(1, 0), Id(i));
  EXPECT_EQ(calls.OfPushedObject(OfObject(1, "c", Id(0))).round, Round(3));
  calls.BeginSession(Reply(1, 0), "one more");
  EXPECT_EQ(calls.OfPushedObject(OfObject(1, "c", Id(0))).round, Round(3));
  EXPECT_EQ(calls.OfPushedObject(OfObject(1, "c", Id(1))).round, kNoRound);
}

TEST(JoinedCallsTest, KnowsTheRoundsOfAsManyObjectsAsItSays) {
  JoinedCalls calls;
  FleetMessage instruction = Instruction(0, 0);
  instruction.group.clear();
  for (size_t i = 0; i < JoinedCalls::kInstructions; ++i) calls.NameRound(OfObject(1, Id(i)), {}, 3);
  const auto round_of = [&](size_t object) {
    calls.EndInstruction(1);
    instruction.message = "of " + Id(object);
    calls.BeginInstruction(1, instruction, 1);
    return calls.OfPulledObject(OfObject(1, Id(object))).entry.round;
  };
  EXPECT_EQ(round_of(0), Round(3));
  calls.NameRound(OfObject(1, "one more"), {}, 3);
  EXPECT_EQ(round_of(0), Round(3));
  EXPECT_EQ(round_of(1), kNoRound);
}

TEST(JoinedCallsTest, KnowsOfAsManyRunsThatTheyHaveBegunAsItSays) {
  JoinedCalls calls;
  const auto begin = [&](uint64_t run) {
    FleetMessage message = Instruction(run, 1);
    message.run = run;
    calls.BeginInstruction(1, message, 1);
  };
  const auto first_weights_of = [&](uint64_t run) {
    FleetMessage message = Instruction(0, 0);
    message.run = run;
    message.group.clear();
    message.type = "get_parameters";
    return calls.BeginInstruction(1, message, 1).round.round;
  };
  for (uint64_t run = 1; run <= JoinedCalls::kInstructions; ++run) begin(run);
  EXPECT_EQ(first_weights_of(1), std::nullopt);  // which uses it
  begin(JoinedCalls::kInstructions + 1);
  EXPECT_EQ(first_weights_of(1), std::nullopt);
  EXPECT_EQ(first_weights_of(2), 0u);
}

TEST(JoinedCallsTest, KnowsWhatMovedOfAsManyObjectsAsItSays) {
  JoinedCalls calls;
  for (size_t i = 0; i < JoinedCalls::kObjects; ++i) calls.BeginMove(Pulled(Id(i)));
  EXPECT_EQ(calls.BeginMove(Pulled(Id(0))), v1::WASTE_REPEATED);
  EXPECT_EQ(calls.BeginMove(Pulled("one more")), v1::WASTE_UNSPECIFIED);
  EXPECT_EQ(calls.BeginMove(Pulled(Id(0))), v1::WASTE_REPEATED);
  EXPECT_EQ(calls.BeginMove(Pulled(Id(1))), v1::WASTE_UNSPECIFIED);
}

TEST(JoinedCallsTest, JoinsNothingThatHasNoId) {
  JoinedCalls calls;
  FleetMessage instruction = Instruction(0, 3);
  instruction.message.clear();
  const Entry entry = calls.BeginInstruction(1, instruction, 5);
  EXPECT_EQ(entry.round, Round(3)) << "itself it can name";
  EXPECT_EQ(entry.key, 0u);
  EXPECT_EQ(calls.OfPulledObject(OfObject(1, "c")).entry.round, kNoRound);
  EXPECT_EQ(calls.OfConfirm(OfObject(1, "")).round, kNoRound);
  FleetMessage reply = Reply(1, 0);
  reply.reply_to.clear();
  EXPECT_EQ(calls.OfReply(reply).round, kNoRound);
  calls.BeginSession(reply, "s");
  EXPECT_EQ(calls.OfPushedObject(OfObject(1, "c", "s")).round, kNoRound);
  EXPECT_EQ(calls.OfPushedObject(OfObject(1, "c")).round, kNoRound);
  calls.NameRound(OfObject(1, ""), {}, 3);
  instruction = Instruction(1, 0);
  instruction.group.clear();
  calls.BeginInstruction(1, instruction, 6);
  EXPECT_EQ(calls.OfPulledObject(OfObject(1, "")).entry.round, kNoRound);
}

TEST(JoinedCallsTest, JoinsNothingOfANodeThatHasNoId) {
  JoinedCalls calls;
  calls.BeginInstruction(0, Instruction(0, 3), 1);
  EXPECT_EQ(calls.OfPulledObject(OfObject(0, "c")).entry.round, kNoRound);
  EXPECT_EQ(calls.OfReply(Reply(0, 0)).round, Round(3)) << "it names its instruction";
  EXPECT_EQ(calls.OfPushedObject(OfObject(0, "c")).round, kNoRound);
}

}  // namespace
}  // namespace fedcarbon::node::flower
