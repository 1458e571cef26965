#include "node/frameworks/flower/flower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/meter/collector.h"
#include "tests/unit/node/frameworks/encode.h"

namespace fedcarbon::node {
namespace {

using testing::Bytes;
using testing::Fixed64;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::Varint;

constexpr uint64_t kNode = 0x9acb12341234cafe, kOtherNode = 77, kRun = 5'334'123'456'789'012'345;
constexpr const char* kRunName = "flower:5334123456789012345";

std::string Id(char digit) { return std::string(64, digit); }
std::string Node(uint64_t node) { return Bytes(1, Varint(1, node)); }

uint64_t Bits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

struct Metadata {
  std::string message;
  std::string reply_to = "";
  std::string group = "";
  std::string type = "train";
  uint64_t run = kRun;
};

std::string Message(const Metadata& metadata, bool is_error = false) {
  std::string fields = Varint(1, metadata.run) + Bytes(2, metadata.message) + Varint(3, 1) + Varint(4, kNode);
  if (!metadata.reply_to.empty()) fields += Bytes(5, metadata.reply_to);
  if (!metadata.group.empty()) fields += Bytes(6, metadata.group);
  fields += Fixed64(7, 1) + Bytes(8, metadata.type);
  return Bytes(2, Bytes(1, fields) + Bytes(2, "") + (is_error ? Bytes(3, Varint(1, 1)) : std::string()));
}

std::string Tree(const std::string& root) { return Bytes(3, Bytes(1, root) + Bytes(2, Bytes(1, Id('0')))); }

std::string Object(const std::string& content) { return Varint(1, 1) + Varint(2, 1) + Bytes(3, content); }

std::string ConfigItem(const std::string& key, const std::string& value) {
  return Bytes(1, Bytes(1, key) + Bytes(2, value));
}

std::string ConfigOf(const std::string& record) {
  return "ConfigRecord  " + std::to_string(record.size()) + std::string(1, '\0') + record;
}

std::string Config(const std::string& key, uint64_t zigzag) {
  return ConfigOf(ConfigItem(key, Varint(2, zigzag)));
}

class FlowerTest : public ::testing::Test {
 protected:
  /// A call and its rule, as the proxy of one hospital has them.
  struct Open {
    std::shared_ptr<CallObserver> call;
    std::unique_ptr<CallRule> rule;
  };

  Open Begin(const std::string& path) {
    HeaderBlock request;
    request.fields = {{":method", "POST"}, {":path", path}};
    CallStart start;
    start.end = v1::END_CLIENT;
    start.observer = v1::OBSERVER_PROXY;
    start.peer = "superlink";
    start.method = path;
    Open open{meter_.meter->StartCall(start), nullptr};
    open.rule = flower_.OnCall(request, open.call);
    return open;
  }

  static void Say(Open* open, Side from, const std::string& message) {
    for (size_t at = 0; at < message.size(); at += 7)
      open->rule->OnContent(from, std::string_view(message).substr(at, 7));
    open->call->OnMessage(
        from == Side::kClient ? Direction::kSent : Direction::kReceived,
        {fedcarbon::Bytes(message.size()), fedcarbon::Bytes(message.size()), v1::COUNT_KIND_WIRE});
    open->rule->OnMessageEnd(from);
  }

  static void End(Open* open, int status = 0) {
    open->rule->OnEnd(status);
    open->call->End(status);
    open->rule = nullptr;
  }

  /// A whole call; the Transfer that came of it.
  Transfer Call(const std::string& method, const std::string& request, const std::string& answer,
                int status = 0) {
    Open open = Begin("/flwr.proto.Fleet/" + method);
    Say(&open, Side::kClient, request);
    Say(&open, Side::kServer, answer);
    End(&open, status);
    return Transfers().back();
  }

  /// It ends before it is answered.
  Transfer CutCall(const std::string& method, const std::string& request) {
    {
      Open open = Begin("/flwr.proto.Fleet/" + method);
      Say(&open, Side::kClient, request);
    }
    return Transfers().back();
  }

  Transfer Pull(const Metadata& message, uint64_t node = kNode) {
    return Call("PullMessages", Node(node), Message(message) + Tree(message.message));
  }
  Transfer PullObject(const std::string& object, const std::string& answer, uint64_t node = kNode,
                      uint64_t run = kRun) {
    return Call("PullObject", Node(node) + Varint(2, run) + Bytes(3, object), answer);
  }
  Transfer Confirm(const std::string& message, uint64_t node = kNode) {
    return Call("ConfirmMessageReceived", Node(node) + Varint(2, kRun) + Bytes(3, message), "");
  }
  Transfer Push(const Metadata& reply, const std::string& session,
                std::optional<double> runtime = std::nullopt) {
    const std::string seconds =
        runtime.has_value() ? Bytes(4, Fixed64(1, Bits(*runtime)).substr(1)) : std::string();
    return Call("PushMessages", Node(kNode) + Message(reply) + Tree(Id('9')) + seconds,
                Bytes(3, Id('9')) + (session.empty() ? session : Bytes(4, session)));
  }
  Transfer PushObject(const std::string& object, const std::string& session) {
    return Call("PushObject",
                Node(kNode) + Varint(2, kRun) + Bytes(3, object) + Bytes(4, std::string(100'000, 'x')) +
                    (session.empty() ? session : Bytes(5, session)),
                Varint(1, 1));
  }

  std::vector<Transfer> Transfers() const { return meter_.sink->All<Transfer>(); }
  std::vector<Binding> Bindings() const { return meter_.sink->All<Binding>(); }
  std::vector<Span> Spans() const { return meter_.sink->All<Span>(); }

  ManualMeter meter_;
  Flower flower_{meter_.meter};
};

RoundId Round(uint64_t round) { return {kRunName, round}; }
const RoundId kNoRound{kRunName, std::nullopt};

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
  Say(&open, Side::kClient, Node(kNode));
  Say(&open, Side::kServer, Message({Id('a'), "", "3"}));
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
  const std::string long_text = Bytes(4, std::string(1'000'000, 'x'));
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
  for (const std::string& content :
       std::vector<std::string>{Config("round", 2), Config("server-round", 3), "ConfigRecord  2",
                                std::string("MetricRecord  9") + '\0' + Config("server-round", 2),
                                std::string("ConfigRecord  9") + '\0' +
                                    Bytes(1, Bytes(1, "server-round") + Bytes(2, Bytes(2, "1")))}) {
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
}

TEST_F(FlowerTest, ComputesForAsLongAsTheNodeSaysAtMost) {
  Pull({Id('a'), "", "1", "evaluate.fairness"});
  Confirm(Id('a'));
  meter_.clock.Advance(absl::Seconds(30));
  Push({Id('r'), Id('a'), "", "evaluate.fairness"}, "s", 20.25);
  ASSERT_THAT(Spans(), SizeIs(1));
  EXPECT_EQ(Spans()[0].kind, v1::SPAN_KIND_EVALUATE);
  EXPECT_EQ(Spans()[0].wall, absl::Seconds(20.25));
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
  const std::string request = Node(kNode) + Varint(2, kRun) + Bytes(3, Id('c'));
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

TEST_F(FlowerTest, TextThatIsLongerThanAnyIdIsNone) {
  EXPECT_EQ(Pull({std::string(128, 'a'), "", "1"}).round, Round(1));
  EXPECT_EQ(PullObject(Id('c'), Object("Array")).round, Round(1));
  EXPECT_EQ(Pull({Id('b'), "", std::string(129, '1')}).round, kNoRound);
}

TEST_F(FlowerTest, ForgetsTheOldestMessagePastItsBound) {
  Pull({Id('a'), "", "1"});
  for (size_t i = 1; i < flower::FleetJoins::kInstructions; ++i) Pull({std::to_string(i), "", "2"}, i);
  EXPECT_EQ(Confirm(Id('a')).round, Round(1));  // which uses it
  Pull({"one more", "", "2"});
  EXPECT_EQ(Confirm(Id('a')).round, Round(1));
  EXPECT_EQ(Confirm("1").round, kNoRound);
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
