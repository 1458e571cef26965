#include "node/wire/grpc_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/node/wire/http2_frames.h"
#include "tests/unit/node/wire/recorder.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::node {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::GrpcMessage;
using testing::Message;

/// Whole messages out of pieces. Past a violation it takes no more.
class Messages {
 public:
  void Feed(std::string_view bytes) {
    while (!bytes.empty() && !violated) {
      const std::optional<MessagePiece> piece = decoder_.Next(&bytes);
      violated = !piece.has_value();
      if (!violated) Add(*piece);
    }
  }

  std::vector<Message> list;
  size_t pieces = 0;
  bool violated = false;

 private:
  void Add(const MessagePiece& piece) {
    ++pieces;
    ASSERT_EQ(piece.begins, list.empty() || list.back().whole);
    if (piece.begins) list.push_back({0, piece.message.has_value() ? std::optional(0) : std::nullopt});
    Message& message = list.back();
    ASSERT_EQ(piece.message.has_value(), message.message.has_value());
    message.encoded += piece.encoded.count();
    if (piece.message.has_value()) *message.message += piece.message->count();
    message.whole = piece.ends;
  }

  GrpcMessages decoder_;
};

TEST(GrpcMessagesTest, AMessageInOneStretchIsOnePiece) {
  Messages messages;
  messages.Feed(GrpcMessage("abc"));
  EXPECT_THAT(messages.list, ElementsAre(Message{8, 3, true}));
  EXPECT_EQ(messages.pieces, 1u);
}

TEST(GrpcMessagesTest, AnEmptyMessageEndsWithItsPrefix) {
  Messages messages;
  messages.Feed(GrpcMessage("") + GrpcMessage("", 1) + GrpcMessage(""));
  EXPECT_THAT(messages.list,
              ElementsAre(Message{5, 0, true}, Message{5, std::nullopt, true}, Message{5, 0, true}));
}

TEST(GrpcMessagesTest, OfACompressedMessageOnlyTheEncodedBytesAreKnown) {
  Messages messages;
  messages.Feed(GrpcMessage("abc", 1).substr(0, 1));
  EXPECT_THAT(messages.list, ElementsAre(Message{1, std::nullopt, false}));
  messages.Feed(GrpcMessage("abc", 1).substr(1) + GrpcMessage("plain"));
  EXPECT_THAT(messages.list, ElementsAre(Message{8, std::nullopt, true}, Message{10, 5, true}));
}

TEST(GrpcMessagesTest, AMessageCutShortIsNotWhole) {
  Messages messages;
  messages.Feed(GrpcMessage("abc").substr(0, 7));
  EXPECT_THAT(messages.list, ElementsAre(Message{7, 2, false}));
}

TEST(GrpcMessagesTest, AnyOtherFlagIsAViolation) {
  for (int flag = 0; flag < 256; ++flag) {
    Messages messages;
    messages.Feed(GrpcMessage("abc") + GrpcMessage("abc", static_cast<uint8_t>(flag)));
    EXPECT_EQ(messages.violated, flag > 1) << flag;
  }
}

TEST(GrpcMessagesTest, TheGreatestLengthIsCountedAsItComes) {
  Messages messages;
  messages.Feed(std::string("\0\xff\xff\xff\xff", 5));
  EXPECT_THAT(messages.list, ElementsAre(Message{5, 0, false}));
  const std::string mebibyte(1'048'576, 'x');
  for (int i = 0; i < 4'095; ++i) messages.Feed(mebibyte);
  messages.Feed(mebibyte.substr(2));
  EXPECT_FALSE(messages.list.front().whole);
  messages.Feed("x" + GrpcMessage("next"));
  EXPECT_THAT(messages.list, ElementsAre(Message{4'294'967'300, 4'294'967'295, true}, Message{9, 4, true}));
}

TEST(GrpcMessagesTest, AnySplitTellsTheSameMessages) {
  std::mt19937 random(RandomSeed());
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    std::vector<Message> expected;
    for (int i = 0; i < 10; ++i) {
      const size_t size = random() % 3 == 0 ? 0 : random() % 40;
      const uint8_t flag = random() % 4 == 0;
      bytes += GrpcMessage(std::string(size, 'x'), flag);
      expected.push_back({size + 5, flag ? std::nullopt : std::optional<uint64_t>(size), true});
    }
    const size_t step = round == 0 ? 1 : 64;
    Messages messages;
    for (size_t at = 0; at < bytes.size();) {
      const size_t taken = 1 + random() % step;
      messages.Feed(std::string_view(bytes).substr(at, taken));
      at += taken;
    }
    ASSERT_THAT(messages.list, ElementsAreArray(expected));
  }
}

}  // namespace
}  // namespace fedcarbon::node
