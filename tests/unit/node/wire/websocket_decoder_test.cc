#include "node/wire/websocket_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/node/wire/recorder.h"
#include "tests/unit/node/wire/websocket_frames.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WebSocketDecoderTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart() {
    decoder_.reset();
    recorder_ = Recorder();
    decoder_ = std::make_unique<WebSocketDecoder>(&recorder_, recorder_.NewCall());
  }

  void Feed(End from, std::string_view bytes) { decoder_->Feed(from, bytes); }
  void Send(End from, uint8_t first, std::string_view payload) {
    Feed(from, WebSocketFrame(from, first, payload));
  }

  const Call& call() const { return *recorder_.calls[0]; }

  /// It still reads: another message each way comes through.
  void ExpectAlive() {
    ASSERT_THAT(recorder_.gaps, IsEmpty());
    for (const End end : {kClient, kServer}) {
      const size_t messages = call().sent(end).size();
      Send(end, kFinal | kText, "alive");
      ASSERT_THAT(call().sent(end), SizeIs(messages + 1));
      EXPECT_EQ(call().sent(end).back(), (Message{5, 5, true}));
    }
  }

  void ExpectLost(std::string_view why) {
    ASSERT_THAT(recorder_.gaps, ElementsAre(HasSubstr(std::string(why))));
    EXPECT_TRUE(call().gone);
    Send(kClient, kFinal | kText, "x");  // the recorder stops the program if anything is told
    Send(kServer, kFinal | kClose, "");
    decoder_->Finish(kClient);
    decoder_->Finish(kServer);
    EXPECT_THAT(recorder_.gaps, SizeIs(1));
  }

  Recorder recorder_;
  std::unique_ptr<WebSocketDecoder> decoder_;
};

// What a message is.

TEST_F(WebSocketDecoderTest, AFrameIsAMessage) {
  Send(kClient, kFinal | kText, "hello");
  Send(kServer, kFinal | kBinary, "hi");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{5, 5, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{2, 2, true}));
  EXPECT_EQ(recorder_.pieces, 2u);
  ExpectAlive();
}

TEST_F(WebSocketDecoderTest, AnEmptyFrameIsAnEmptyMessage) {
  for (const End end : {kClient, kServer}) {
    Send(end, kFinal | kBinary, "");
    EXPECT_THAT(call().sent(end), ElementsAre(Message{0, 0, true}));
  }
  ExpectAlive();
}

TEST_F(WebSocketDecoderTest, FragmentsAreOneMessage) {
  for (const End end : {kClient, kServer}) {
    Send(end, kText, "");
    EXPECT_THAT(call().sent(end), IsEmpty()) << "nothing of it has passed";
    Send(end, kContinuation, "ab");
    EXPECT_THAT(call().sent(end), ElementsAre(Message{2, 2, false}));
    Send(end, kContinuation, "");
    Send(end, kFinal | kContinuation, "c");
    EXPECT_THAT(call().sent(end), ElementsAre(Message{3, 3, true}));
    Send(end, kBinary, "d");
    Send(end, kFinal | kContinuation, "");
    EXPECT_THAT(call().sent(end), ElementsAre(Message{3, 3, true}, Message{1, 1, true}));
    Send(end, kText, "");
    Send(end, kFinal | kContinuation, "");
    EXPECT_THAT(call().sent(end), ElementsAre(Message{3, 3, true}, Message{1, 1, true}, Message{0, 0, true}));
  }
  ExpectAlive();
}

TEST_F(WebSocketDecoderTest, ControlFramesAreNoMessagesAndMayComeAmidFragments) {
  for (const End end : {kClient, kServer}) {
    Send(end, kFinal | kPing, "ping");
    Send(end, kText, "ab");
    Send(end, kFinal | kPing, "");
    Send(end, kFinal | kPong, std::string(125, 'p'));
    Send(end, kFinal | kContinuation, "c");
    EXPECT_THAT(call().sent(end), ElementsAre(Message{3, 3, true}));
  }
  ExpectAlive();
}

TEST_F(WebSocketDecoderTest, ADeflatedMessageIsCompressedInAllItsFragments) {
  Send(kClient, kDeflated | kBinary, "ab");
  Send(kClient, kFinal | kPing, "ping");
  Send(kClient, kContinuation, "cd");
  Send(kClient, kFinal | kContinuation, "e");
  Send(kClient, kFinal | kBinary, "plain");
  Send(kClient, kFinal | kDeflated | kText, "");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{5, std::nullopt, true}, Message{5, 5, true},
                                                Message{0, std::nullopt, true}));
  ExpectAlive();
}

TEST_F(WebSocketDecoderTest, AllThreeFormsOfALength) {
  for (const End end : {kClient, kServer}) {
    std::vector<Message> expected;
    for (const size_t size : {125, 126, 65'535, 65'536}) {
      Send(end, kFinal | kBinary, std::string(size, 'x'));
      expected.push_back({size, size, true});
    }
    EXPECT_EQ(call().sent(end), expected);
  }
  EXPECT_EQ(recorder_.pieces, 8u);
  ExpectAlive();
}

TEST_F(WebSocketDecoderTest, ALengthIsBelow2To63) {
  const std::string greatest("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
  Feed(kServer, greatest + "payload");
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{7, 7, false}));
  EXPECT_THAT(recorder_.gaps, IsEmpty());
  Restart();
  Feed(kServer, std::string("\x82\x7f\x80\0\0\0\0\0\0\0", 10));
  ExpectLost("length");
}

TEST_F(WebSocketDecoderTest, AMessageIsToldAsItPasses) {
  const std::string frame = WebSocketFrame(kClient, kFinal | kText, "abcdef");
  Feed(kClient, frame.substr(0, frame.size() - 4));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{2, 2, false}));
  Feed(kClient, frame.substr(frame.size() - 4));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{6, 6, true}));
}

TEST_F(WebSocketDecoderTest, ACallNobodyListensToIsOnlyFollowed) {
  decoder_ = std::make_unique<WebSocketDecoder>(&recorder_, nullptr);
  for (const End end : {kClient, kServer}) {
    Send(end, kFinal | kText, "x");
    Send(end, kFinal | kClose, "");
    decoder_->Finish(end);
  }
  EXPECT_THAT(recorder_.gaps, IsEmpty());
}

// How the call ends.

TEST_F(WebSocketDecoderTest, ItEndsOnceBothSidesHaveSaidSo) {
  for (const End first : {kClient, kServer}) {
    Restart();
    Send(first, kFinal | kClose, "\x03\xe8");
    Send(Other(first), kFinal | kText, "in flight");
    EXPECT_FALSE(call().status.has_value());
    Send(Other(first), kFinal | kClose, "\x03\xe8");
    EXPECT_EQ(call().status, 0);
    EXPECT_TRUE(call().gone);
    EXPECT_THAT(call().sent(Other(first)), ElementsAre(Message{9, 9, true}));
    decoder_->Finish(kClient);
    decoder_->Finish(kServer);
  }
}

TEST_F(WebSocketDecoderTest, TheFirstCloseFrameGivesTheStatus) {
  const std::vector<std::pair<std::string, int>> codes = {
      {"", 0},         {"\x03\xe8", 0},  {"\x03\xe8 bye", 0}, {"\x03\xe9", 0}, {"\x03\xea", 2},
      {"\x03\xe7", 2}, {"\x03\xf3x", 2}, {"\x0f\xa0", 2},     {{"\0\0", 2}, 2}};
  for (const End first : {kClient, kServer}) {
    for (const auto& [code, status] : codes) {
      for (const std::string& second : {std::string(), std::string("\x03\xea")}) {
        Restart();
        Send(first, kFinal | kClose, code);
        Send(Other(first), kFinal | kClose, second);
        EXPECT_EQ(call().status, status);
      }
    }
  }
}

TEST_F(WebSocketDecoderTest, ACloseFrameAndTheOthersLastByteEndItToo) {
  for (const End closes : {kClient, kServer}) {
    Restart();
    Send(closes, kFinal | kClose, "\x03\xe9");
    decoder_->Finish(closes);
    EXPECT_FALSE(call().gone);
    decoder_->Finish(Other(closes));
    EXPECT_EQ(call().status, 0);
    Restart();
    decoder_->Finish(Other(closes));
    EXPECT_FALSE(call().gone);
    Send(closes, kFinal | kClose, "\x03\xf3");
    EXPECT_EQ(call().status, 2);
  }
}

TEST_F(WebSocketDecoderTest, ClosedWithoutACloseFrameItIsCut) {
  Send(kClient, kText, "ab");
  Feed(kServer, WebSocketFrame(kServer, kFinal | kClose, "\x03\xe8").substr(0, 3));
  decoder_->Finish(kServer);
  EXPECT_FALSE(call().gone);
  decoder_->Finish(kClient);
  EXPECT_TRUE(call().gone);
  EXPECT_FALSE(call().status.has_value());
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{2, 2, false}));
  EXPECT_THAT(recorder_.gaps, IsEmpty());
}

// What ends decoding.

TEST_F(WebSocketDecoderTest, SomethingAfterACloseFrame) {
  for (const End end : {kClient, kServer}) {
    Restart();
    Send(end, kFinal | kClose, "");
    Feed(end, std::string_view("\x8a", 1));
    ExpectLost("after a WebSocket's close frame");
  }
  Restart();
  Send(kClient, kFinal | kClose, "");
  Send(kServer, kFinal | kClose, "");
  EXPECT_EQ(call().status, 0);
  Feed(kServer, "x");
  ExpectLost("after a WebSocket's close frame");
  EXPECT_EQ(call().status, 0);
}

TEST_F(WebSocketDecoderTest, FramesMaskedAsTheOtherSides) {
  for (const End end : {kClient, kServer}) {
    Restart();
    Feed(end, WebSocketFrame(Other(end), kFinal | kText, "x"));
    ExpectLost("masked");
  }
}

TEST_F(WebSocketDecoderTest, LengthsInALongerFormThanTheyNeed) {
  for (const auto& [bytes, fine] : {std::pair(std::string("\x82\x7e\0\x7d", 4), false),
                                    {std::string("\x82\x7e\0\x7e", 4), true},
                                    {std::string("\x82\x7f\0\0\0\0\0\0\xff\xff", 10), false},
                                    {std::string("\x82\x7f\0\0\0\0\0\1\0\0", 10), true}}) {
    Restart();
    Feed(kServer, bytes + std::string(0x10000, 'x'));
    if (!fine) ExpectLost("length");
    EXPECT_EQ(recorder_.calls[0]->sent(kServer).empty(), !fine);
  }
}

TEST_F(WebSocketDecoderTest, FramesThatAreNotAllowed) {
  const std::vector<std::pair<uint8_t, std::string>> broken = {
      {kFinal | 0x20 | kText, "reserved bits"},
      {kFinal | 0x10 | kPing, "reserved bits"},
      {kFinal | 3, "unknown kind"},
      {kFinal | 7, "unknown kind"},
      {kFinal | 11, "unknown kind"},
      {kFinal | 15, "unknown kind"},
      {kPing, "control frame"},
      {kClose, "control frame"},
      {kFinal | kDeflated | kPong, "control frame"},
      {kContinuation, "continuation of nothing"},
      {kFinal | kContinuation, "continuation of nothing"},
  };
  for (const End end : {kClient, kServer}) {
    for (const auto& [first, why] : broken) {
      SCOPED_TRACE(int{first});
      Restart();
      Send(end, first, "ab");
      ExpectLost(why);
    }
  }
}

TEST_F(WebSocketDecoderTest, FragmentsOutOfOrder) {
  Send(kClient, kText, "a");
  Send(kClient, kFinal | kText, "b");
  ExpectLost("within another");
  Restart();
  Send(kClient, kText, "a");
  Send(kClient, kFinal | kDeflated | kContinuation, "b");
  ExpectLost("continuation of nothing");
  Restart();
  Send(kClient, kText, "a");
  Send(kClient, kFinal | kContinuation, "b");
  Send(kClient, kFinal | kContinuation, "c");
  ExpectLost("continuation of nothing");
}

TEST_F(WebSocketDecoderTest, ControlFramesHoldUpTo125Bytes) {
  for (const End end : {kClient, kServer}) {
    for (const uint8_t kind : {kPing, kPong, kClose}) {
      Restart();
      Send(end, kFinal | kind, std::string("\x03\xe8") + std::string(123, 'x'));
      EXPECT_THAT(recorder_.gaps, IsEmpty());
      Restart();
      Send(end, kFinal | kind, std::string("\x03\xe8") + std::string(124, 'x'));
      ExpectLost("control frame");
    }
  }
}

TEST_F(WebSocketDecoderTest, ACloseCodeOfOneByte) {
  Send(kServer, kFinal | kClose, "\x03");
  ExpectLost("cut in two");
}

// Cut anywhere.

TEST_F(WebSocketDecoderTest, AnySplitTellsTheSameMessages) {
  std::vector<std::pair<End, std::string>> talk;
  for (const End end : {kClient, kServer}) {
    std::string bytes;
    for (const auto& [first, payload] :
         std::vector<std::pair<uint8_t, std::string>>{{kFinal | kText, "hello"},
                                                      {kBinary, ""},
                                                      {kFinal | kPing, "ping"},
                                                      {kContinuation, std::string(126, 'x')},
                                                      {kFinal | kContinuation, ""},
                                                      {kDeflated | kBinary, "zz"},
                                                      {kFinal | kPong, ""},
                                                      {kFinal | kContinuation, "z"},
                                                      {kFinal | kBinary, ""},
                                                      {kFinal | kBinary, std::string(65'536, 'y')},
                                                      {kText, "cut"}}) {
      bytes += WebSocketFrame(end, first, payload);
    }
    talk.emplace_back(end, bytes);
  }
  talk.emplace_back(kServer, WebSocketFrame(kServer, kFinal | kClose, "\x03\xe9 going away"));
  talk.emplace_back(kClient, WebSocketFrame(kClient, kFinal | kClose, "\x03\xea"));

  const auto listen = [&](auto next_size) {
    auto recorder = std::make_unique<Recorder>();
    WebSocketDecoder decoder(recorder.get(), recorder->NewCall());
    InPieces(talk, next_size, [&](End end, std::string_view piece) { decoder.Feed(end, piece); });
    return recorder;
  };
  const auto whole = listen([] { return 1'000'000; });
  ASSERT_THAT(whole->gaps, IsEmpty());
  ASSERT_THAT(whole->calls[0]->sent(kClient),
              ElementsAre(Message{5, 5, true}, Message{126, 126, true}, Message{3, std::nullopt, true},
                          Message{0, 0, true}, Message{65'536, 65'536, true}, Message{3, 3, false}));
  ASSERT_EQ(whole->calls[0]->status, 0);

  std::mt19937 random(RandomSeed());
  for (int round = 0; round < 200; ++round) {
    const size_t longest = round == 0 ? 1 : 1 + random() % 200;
    const auto parts = listen([&] { return 1 + random() % longest; });
    ASSERT_THAT(parts->gaps, IsEmpty());
    ASSERT_EQ(*parts->calls[0], *whole->calls[0]);
  }
}

}  // namespace
}  // namespace fedcarbon::node
