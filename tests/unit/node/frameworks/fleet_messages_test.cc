#include "node/frameworks/flower/fleet_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/unit/node/frameworks/flower_calls.h"

namespace fedcarbon::node::flower {
namespace {

using namespace testing;  // NOLINT: the messages
using ::testing::SizeIs;

std::optional<FleetMessage> Read(Method method, bool is_request, const std::string& bytes) {
  FleetReader reader(method, is_request);
  reader.Feed(bytes);
  return reader.Finish() ? std::optional(reader.message()) : std::nullopt;
}

TEST(FleetMessagesTest, KnowsTheFleetsMethodsOnly) {
  EXPECT_EQ(MethodOf("/flwr.proto.Fleet/PullObject"), Method::kPullObject);
  EXPECT_EQ(MethodOf("/v1/fleet/pull-object"), Method::kPullObject);
  EXPECT_EQ(MethodOf("/api/v0/fleet/pull-object"), Method::kPullObject);
  EXPECT_EQ(MethodOf("/v1/fleet/PullObject"), Method::kOther);
  EXPECT_EQ(MethodOf("/flwr.proto.Fleet/PullObject/"), Method::kOther);
  EXPECT_EQ(MethodOf("/flwr.proto.Fleet"), std::nullopt);
  EXPECT_EQ(MethodOf("x/flwr.proto.Fleet/PullObject"), std::nullopt);
}

TEST(FleetMessagesTest, AnIdThatIsLongerThanAnyMakesTheMessageNone) {
  const std::string at(FleetMessage::kMaxText, 'a');
  const auto object = [](const std::string& id) { return Node(kNode) + Varint(2, kRun) + Delimited(3, id); };
  EXPECT_EQ(Read(Method::kPullObject, true, object(at))->object, at);
  EXPECT_EQ(Read(Method::kPullObject, true, object(at + 'a')), std::nullopt);
  EXPECT_EQ(Read(Method::kPushMessages, false, Delimited(4, at))->session, at);
  EXPECT_EQ(Read(Method::kPushMessages, false, Delimited(4, at + 'a')), std::nullopt);
  EXPECT_EQ(Read(Method::kPullMessages, false, Message({at}))->message, at);
  EXPECT_EQ(Read(Method::kPullMessages, false, Message({at + 'a'})), std::nullopt);
  EXPECT_EQ(Read(Method::kPushMessages, true, Message({Id('r'), at}))->reply_to, at);
  EXPECT_EQ(Read(Method::kPushMessages, true, Message({Id('r'), at + 'a'})), std::nullopt);
}

TEST(FleetMessagesTest, OtherTextIsCutOrLeftOut) {
  const std::string at(FleetMessage::kMaxText, '1');
  EXPECT_EQ(Read(Method::kPullMessages, false, Message({Id('a'), "", at}))->group, at);
  EXPECT_EQ(Read(Method::kPullMessages, false, Message({Id('a'), "", at + '1'}))->group, "");
  EXPECT_EQ(Read(Method::kPullMessages, false, Message({Id('a'), "", "", at + '1'}))->type, at);
}

TEST(FleetMessagesTest, ReadsTheFirstOfSeveralMessages) {
  const auto read = Read(Method::kPullMessages, false,
                         Message({Id('a'), "", "1"}) + Message({Id('b'), Id('c'), "2", "evaluate", 9}));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->messages, 2u);
  EXPECT_EQ(read->run, kRun);
  EXPECT_EQ(read->message, Id('a'));
  EXPECT_EQ(read->reply_to, "");
  EXPECT_EQ(read->group, "1");
  EXPECT_EQ(read->type, "train");
}

TEST(FleetMessagesTest, KeepsAsManyRuntimesAsItSays) {
  std::string packed, single;
  for (size_t i = 0; i <= FleetMessage::kRuntimes; ++i) {
    packed += Fixed64(1, Bits(0.5)).substr(1);
    single += Fixed64(4, Bits(0.5));
  }
  const size_t one = sizeof(double);
  EXPECT_THAT(Read(Method::kPushMessages, true, Delimited(4, packed.substr(one)))->runtimes,
              SizeIs(FleetMessage::kRuntimes));
  EXPECT_THAT(Read(Method::kPushMessages, true, Delimited(4, packed))->runtimes,
              SizeIs(FleetMessage::kRuntimes));
  EXPECT_THAT(Read(Method::kPushMessages, true, single)->runtimes, SizeIs(FleetMessage::kRuntimes));
}

TEST(FleetMessagesTest, ANumberOfAnotherSettingIsNoRound) {
  const auto round_of = [](const std::string& record) {
    return Read(Method::kPullObject, false, Object(ConfigOf(record)))->round;
  };
  const std::string named = ConfigItem("server-round", Delimited(5, "text"));
  EXPECT_EQ(round_of(named + Delimited(1, Delimited(2, Varint(2, 8)))), std::nullopt);
  EXPECT_EQ(round_of(Delimited(1, Delimited(2, Delimited(2, "server-round") + Varint(2, 8)))), std::nullopt);
  EXPECT_EQ(round_of(named + ConfigItem("server-round", Varint(2, 8))), 4u);
}

}  // namespace
}  // namespace fedcarbon::node::flower
