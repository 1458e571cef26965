#include "node/wire/http1_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/node/wire/recorder.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

const std::string kGet = "GET /page HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kPost = "POST /form HTTP/1.1\r\nContent-Length: 4\r\n\r\n";
const std::string kChunkedPost = "POST /form HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
const std::string kChunkedOk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kUntilClose = "HTTP/1.1 200 OK\r\n\r\n";
const std::string kAskForWebSocket =
    "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const std::string kSwitchToWebSocket =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
const std::string kAskForH2c =
    "POST /form HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\n";
const std::string kSwitchToH2c =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const std::string kConnect = "CONNECT far.example:443 HTTP/1.1\r\n\r\n";

class Http1DecoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    decoder_.reset();
    recorder_ = Recorder();
    decoder_ = std::make_unique<Http1Decoder>(&recorder_, &HeaderNames::Standard(), &limits_);
  }

  /// With limits_ as they are now.
  void Restart() { SetUp(); }

  void Feed(End from, std::string_view bytes) { decoder_->Feed(from, bytes); }

  const Call& call(size_t i = 0) const { return *recorder_.calls.at(i); }

  /// The connection is still read: another exchange comes through.
  void ExpectAlive() {
    ASSERT_THAT(recorder_.gaps, IsEmpty());
    const size_t calls = recorder_.calls.size();
    Feed(kClient, kPost + "body");
    Feed(kServer, kOk + "hello");
    ASSERT_THAT(recorder_.calls, SizeIs(calls + 1));
    EXPECT_THAT(call(calls).sent(kClient), ElementsAre(Message{4, 4, true}));
    EXPECT_THAT(call(calls).sent(kServer), ElementsAre(Message{5, 5, true}));
    EXPECT_EQ(call(calls).status, 0);
    EXPECT_TRUE(call(calls).gone);
  }

  void ExpectLost(std::string_view why) {
    ASSERT_THAT(recorder_.gaps, SizeIs(1)) << why;
    EXPECT_THAT(recorder_.gaps.back(), HasSubstr(std::string(why)));
    EXPECT_TRUE(recorder_.lost);
    const size_t calls = recorder_.calls.size();
    for (const auto& call : recorder_.calls) EXPECT_TRUE(call->gone);
    Feed(kClient, kPost + "body");  // the recorder stops the program if anything is told
    Feed(kServer, kOk + "hello");
    decoder_->Finish(kClient);
    decoder_->Finish(kServer);
    EXPECT_THAT(recorder_.calls, SizeIs(calls));
    EXPECT_FALSE(decoder_->TakeUpgrade().has_value());
  }

  WireLimits limits_;
  Recorder recorder_;
  std::unique_ptr<Http1Decoder> decoder_;
};

// What a call is.

TEST_F(Http1DecoderTest, AnExchangeIsACallWithAMessageEachWay) {
  Feed(kClient, kPost + "body");
  EXPECT_FALSE(call().status.has_value());
  Feed(kServer, kOk + "hello");
  ASSERT_THAT(recorder_.calls, SizeIs(1));
  ASSERT_THAT(call().blocks, SizeIs(2));
  EXPECT_EQ(call().blocks[0].bytes, kPost.size());
  EXPECT_THAT(call().blocks[0].fields, ElementsAre(Pair(":method", "POST"), Pair(":path", "/form")));
  EXPECT_EQ(call().blocks[1].from, kServer);
  EXPECT_EQ(call().blocks[1].bytes, kOk.size());
  EXPECT_THAT(call().blocks[1].fields, ElementsAre(Pair(":status", "200")));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{4, 4, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{5, 5, true}));
  EXPECT_EQ(recorder_.pieces, 2u) << "a body in one read is one piece";
  EXPECT_EQ(call().status, 0);
  EXPECT_TRUE(call().gone);
  ExpectAlive();
}

TEST_F(Http1DecoderTest, AHeadIsReadAsIfNoneLikeItHadComeBefore) {
  std::mt19937 random(RandomSeed());
  const std::string long_field = "X-Long: " + std::string(2'000, 'x') + "\r\n";
  for (size_t i = 0; i < 300; ++i) {
    const size_t sent = random() % 3;
    const size_t received = random() % 3;
    const std::string path = random() % 2 == 0 ? "/a" : "/b";
    const std::string field = random() % 4 == 0 ? long_field : "";
    const auto length = [](size_t size) {
      return "Content-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
    };
    Feed(kClient, "POST " + path + " HTTP/1.1\r\n" + field + length(sent));
    Feed(kServer, std::string("HTTP/1.1 ") + (random() % 2 == 0 ? "200" : "404") + " Said\r\n" + field +
                      length(received));
    ASSERT_THAT(recorder_.gaps, IsEmpty());
    EXPECT_THAT(call(i).sent(kClient), ElementsAre(Message{sent, sent, true}));
    EXPECT_THAT(call(i).sent(kServer), ElementsAre(Message{received, received, true}));
    EXPECT_THAT(call(i).blocks[0].fields, ElementsAre(Pair(":method", "POST"), Pair(":path", path)));
    EXPECT_EQ(call(i).status, call(i).blocks[1].fields[0].second == "200" ? 0 : 12);
  }
}

TEST_F(Http1DecoderTest, GrpcWebIsPlainHttp) {
  const std::string two_messages("\0\0\0\0\1x\0\0\0\0\1y", 12);
  const std::string message_and_trailers("\0\0\0\0\1z\x80\0\0\0\x0egrpc-status: 5", 25);
  const auto body = [](const std::string& bytes) {
    return "Content-Type: application/grpc-web+proto\r\nContent-Length: " + std::to_string(bytes.size()) +
           "\r\n\r\n" + bytes;
  };
  Feed(kClient, "POST /a/b HTTP/1.1\r\n" + body(two_messages));
  Feed(kServer, "HTTP/1.1 200 OK\r\nGrpc-Status: 5\r\n" + body(message_and_trailers));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{12, 12, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{25, 25, true}));
  EXPECT_EQ(call().status, 0) << "of the HTTP status";
  ExpectAlive();
}

TEST_F(Http1DecoderTest, AnEmptyBodyIsAnEmptyMessage) {
  Feed(kClient, kGet);
  EXPECT_THAT(call().sent(kClient), ElementsAre(kEmptyBody));
  Feed(kServer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(call().sent(kServer), ElementsAre(kEmptyBody));
  EXPECT_EQ(call().status, 12);
  Feed(kClient, kChunkedPost + "0\r\n\r\n");
  Feed(kServer, kChunkedOk + "0\r\n\r\n");
  EXPECT_THAT(call(1).sent(kClient), ElementsAre(kEmptyBody));
  EXPECT_THAT(call(1).sent(kServer), ElementsAre(kEmptyBody));
  EXPECT_EQ(call(1).status, 0);
  ExpectAlive();
}

TEST_F(Http1DecoderTest, ABodyIsToldAsItPasses) {
  Feed(kClient, kPost + "bo");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{2, 2, false}));
  Feed(kClient, "dy");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{4, 4, true}));
  EXPECT_EQ(recorder_.pieces, 2u);
}

TEST_F(Http1DecoderTest, ChunksOfOneReadAreOnePieceWithoutTheirFraming) {
  Feed(kClient, kChunkedPost + "2\r\nab\r\n1;x=y\r\nc\r\n");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{3, 3, false}));
  EXPECT_EQ(recorder_.pieces, 1u);
  Feed(kClient, "0\r\n");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{3, 3, true}));
  Feed(kClient, "\r\n");
  Feed(kServer, kChunkedOk + "1\r\na\r\n0\r\n\r\n");
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{1, 1, true}));
  EXPECT_EQ(call().status, 0);
  EXPECT_EQ(recorder_.pieces, 3u);
  ExpectAlive();
}

TEST_F(Http1DecoderTest, TrailersAreABlockOfTheirSide) {
  const std::string trailers = "grpc-status: 7\r\nX: y\r\n\r\n";
  Feed(kClient, kChunkedPost + "0\r\n" + trailers);
  Feed(kServer, kChunkedOk + "0\r\n" + trailers);
  ASSERT_THAT(call().blocks, SizeIs(4));
  EXPECT_EQ(call().blocks[1].from, kClient);
  EXPECT_EQ(call().blocks[3].from, kServer);
  for (const size_t i : {1, 3}) {
    EXPECT_EQ(call().blocks[i].bytes, trailers.size());
    EXPECT_THAT(call().blocks[i].fields, ElementsAre(Pair("grpc-status", "7")));
  }
  EXPECT_EQ(call().status, 0) << "what HTTP/1.1 carries is no gRPC";
  ExpectAlive();
}

TEST_F(Http1DecoderTest, OfAnEncodedBodyOnlyTheEncodedBytesAreKnown) {
  Feed(kClient, "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody");
  Feed(kServer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{4, std::nullopt, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{1, std::nullopt, true}));
  ExpectAlive();
}

TEST_F(Http1DecoderTest, AnswersThatHaveNoBodyWhateverTheySay) {
  for (const char* fields : {"Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
    for (const char* status : {"204", "304"}) {
      Feed(kClient, kGet);
      Feed(kServer, std::string("HTTP/1.1 ") + status + " x\r\n" + fields + "\r\n");
      EXPECT_THAT(recorder_.calls.back()->sent(kServer), ElementsAre(kEmptyBody));
      EXPECT_EQ(recorder_.calls.back()->status, 0);
    }
    Feed(kClient, "HEAD / HTTP/1.1\r\n\r\n");
    Feed(kServer, std::string("HTTP/1.1 200 OK\r\n") + fields + "\r\n");
    EXPECT_THAT(recorder_.calls.back()->sent(kServer), ElementsAre(kEmptyBody));
    EXPECT_EQ(recorder_.calls.back()->status, 0);
  }
  ExpectAlive();
}

TEST_F(Http1DecoderTest, InformationalAnswersPrecedeTheAnswer) {
  Feed(kClient, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  Feed(kServer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 100\r\n\r\n");
  Feed(kClient, "body");
  Feed(kServer, kOk + "hello");
  ASSERT_THAT(call().blocks, SizeIs(4));
  EXPECT_THAT(call().blocks[1].fields, ElementsAre(Pair(":status", "100")));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{5, 5, true}));
  EXPECT_EQ(call().status, 0);
  ExpectAlive();
}

TEST_F(Http1DecoderTest, StatusesAreThoseOfGrpcsMapping) {
  for (const auto& [http, grpc] : {std::pair("301", 0),
                                   {"400", 13},
                                   {"401", 16},
                                   {"403", 7},
                                   {"429", 14},
                                   {"500", 2},
                                   {"503", 14},
                                   {"999", 2},
                                   {"000", 2}}) {
    Feed(kClient, kGet);
    Feed(kServer, std::string("HTTP/1.1 ") + http + " x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(recorder_.calls.back()->status, grpc) << http;
  }
  ExpectAlive();
}

TEST_F(Http1DecoderTest, ACallNobodyListensToIsOnlyFollowed) {
  recorder_.deaf = true;
  Feed(kClient, kChunkedPost + "2\r\nab\r\n0\r\nx: y\r\n\r\n");
  Feed(kServer, kChunkedOk + "2\r\nab\r\n0\r\nx: y\r\n\r\n");
  recorder_.deaf = false;
  ExpectAlive();
}

TEST_F(Http1DecoderTest, EmptyLinesBeforeARequestAreSkipped) {
  Feed(kClient, "\r\n\r\n" + kGet + "\r\n");
  Feed(kServer, kOk + "hello");
  EXPECT_EQ(call().blocks[0].bytes, kGet.size());
  ExpectAlive();
}

// When a call ends.

TEST_F(Http1DecoderTest, PipelinedRequestsAreAnsweredInTheirOrder) {
  Feed(kClient, kGet + kPost + "body" + "HEAD / HTTP/1.1\r\n\r\n" + kGet);
  ASSERT_THAT(recorder_.calls, SizeIs(4));
  EXPECT_THAT(call(1).sent(kClient), ElementsAre(Message{4, 4, true}));
  Feed(kServer, kOk + "hello" + "HTTP/1.1 500 x\r\nContent-Length: 1\r\n\r\nx" + kOk + kChunkedOk);
  EXPECT_EQ(call(0).status, 0);
  EXPECT_THAT(call(0).sent(kServer), ElementsAre(Message{5, 5, true}));
  EXPECT_EQ(call(1).status, 2);
  EXPECT_THAT(call(1).sent(kServer), ElementsAre(Message{1, 1, true}));
  EXPECT_EQ(call(2).status, 0);
  EXPECT_THAT(call(2).sent(kServer), ElementsAre(kEmptyBody));
  EXPECT_FALSE(call(3).status.has_value());
  Feed(kServer, "0\r\n\r\n");
  EXPECT_EQ(call(3).status, 0);
  ExpectAlive();
}

TEST_F(Http1DecoderTest, AnAnswerMayOvertakeItsRequest) {
  Feed(kClient, kPost + "bo");
  Feed(kServer, "HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{1, 1, true}));
  EXPECT_FALSE(call().status.has_value());
  Feed(kClient, "dy" + kGet);
  EXPECT_EQ(call().status, 7);
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{4, 4, true}));
  Feed(kServer, kOk + "hello");
  EXPECT_EQ(call(1).status, 0);
  ExpectAlive();
}

TEST_F(Http1DecoderTest, ABodyUntilTheServerClosesEndsThere) {
  Feed(kClient, kGet);
  Feed(kServer, kUntilClose + "any");
  Feed(kServer, "thing");
  decoder_->Finish(kClient);  // it had only closed its sending half
  EXPECT_FALSE(call().gone);
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{8, 8, false}));
  decoder_->Finish(kServer);
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{8, 8, true}));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http1DecoderTest, AnEmptyBodyUntilTheServerClosesIsAnEmptyMessage) {
  Feed(kClient, kGet);
  Feed(kServer, kUntilClose);
  decoder_->Finish(kServer);
  EXPECT_THAT(call().sent(kServer), ElementsAre(kEmptyBody));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http1DecoderTest, ACallIsCutIfTheServerClosesBeforeItsAnswersEnd) {
  for (const std::string& answer :
       {std::string(), kOk + "hell", kChunkedOk + "2\r\nab\r\n", kChunkedOk + "0\r\nx"}) {
    Restart();
    Feed(kClient, kGet + kGet);
    Feed(kServer, answer);
    decoder_->Finish(kServer);
    for (const auto& call : recorder_.calls) {
      EXPECT_TRUE(call->gone);
      EXPECT_FALSE(call->status.has_value());
    }
    EXPECT_THAT(recorder_.gaps, IsEmpty());
    Feed(kClient, kGet);
    decoder_->Finish(kClient);
  }
}

TEST_F(Http1DecoderTest, ACallIsCutIfTheClientClosesAfterAnEarlyAnswer) {
  Feed(kClient, kPost + "bo");
  Feed(kServer, kOk + "hello");
  decoder_->Finish(kClient);
  EXPECT_TRUE(call().gone);
  EXPECT_FALSE(call().status.has_value());
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{2, 2, false}));
}

TEST_F(Http1DecoderTest, ACallIsCutIfTheAnswerComesAfterTheClientHasClosedEarly) {
  Feed(kClient, kPost + "bo");
  decoder_->Finish(kClient);
  EXPECT_FALSE(call().gone);
  Feed(kServer, kOk + "hello");
  EXPECT_TRUE(call().gone);
  EXPECT_FALSE(call().status.has_value());
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{5, 5, true}));
  Feed(kServer, "more");
  EXPECT_THAT(recorder_.gaps, ElementsAre(HasSubstr("without a request")));
}

TEST_F(Http1DecoderTest, AfterTheClientsCloseItsRequestsAreStillAnswered) {
  Feed(kClient, kGet + kGet);
  decoder_->Finish(kClient);
  Feed(kServer, kOk + "hello" + kUntilClose + "x");
  decoder_->Finish(kServer);
  EXPECT_EQ(call(0).status, 0);
  EXPECT_EQ(call(1).status, 0);
}

// What comes after.

TEST_F(Http1DecoderTest, AnUpgradeHandsOverAtTheByteOnBothSides) {
  Feed(kClient, kAskForWebSocket + "client's");
  EXPECT_FALSE(decoder_->TakeUpgrade().has_value());
  EXPECT_THAT(call().sent(kClient), IsEmpty()) << "a WebSocket's messages are those to come";
  Feed(kClient, " first");
  Feed(kServer, "HTTP/1.1 102 Processing\r\n\r\n" + kSwitchToWebSocket + "server's first");
  auto upgrade = decoder_->TakeUpgrade();
  ASSERT_TRUE(upgrade.has_value());
  EXPECT_EQ(upgrade->protocol, Protocol::kWebSocket);
  EXPECT_EQ(upgrade->from_client, "client's first");
  EXPECT_EQ(upgrade->from_server, "server's first");
  EXPECT_FALSE(decoder_->TakeUpgrade().has_value());
  EXPECT_THAT(call().blocks, SizeIs(3)) << "its answer's fields are told";
  EXPECT_THAT(call().sent(kClient), IsEmpty());
  Feed(kClient, kGet);
  Feed(kServer, kOk);
  decoder_->Finish(kClient);
  decoder_->Finish(kServer);
  EXPECT_THAT(recorder_.calls, SizeIs(1)) << "nothing more is read here";
  EXPECT_FALSE(call().gone) << "the next decoder's";
  ASSERT_NE(upgrade->call, nullptr);
  upgrade->call->OnEnd(0);
}

TEST_F(Http1DecoderTest, AnUpgradeAfterPipelinedRequests) {
  Feed(kClient, kGet + kAskForWebSocket + "held");
  Feed(kServer, kOk + "hello");
  EXPECT_FALSE(decoder_->TakeUpgrade().has_value());
  Feed(kServer, kSwitchToWebSocket);
  const auto upgrade = decoder_->TakeUpgrade();
  ASSERT_TRUE(upgrade.has_value());
  EXPECT_EQ(upgrade->from_client, "held");
  EXPECT_EQ(call(0).status, 0);
}

TEST_F(Http1DecoderTest, AnUpgradeToHttp2TakesTheRequestWithIt) {
  Feed(kClient, kAskForH2c + "bo");
  Feed(kClient, "dy" + std::string("PRI"));
  Feed(kServer, kSwitchToH2c + "settings");
  const auto upgrade = decoder_->TakeUpgrade();
  ASSERT_TRUE(upgrade.has_value());
  EXPECT_EQ(upgrade->protocol, Protocol::kHttp2);
  EXPECT_EQ(upgrade->from_client, "PRI");
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{4, 4, true}));
}

TEST_F(Http1DecoderTest, AnUpgradeToHttp2OfAnEmptyRequestTellsItsEmptyMessage) {
  Feed(kClient, "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  Feed(kServer, kSwitchToH2c);
  ASSERT_TRUE(decoder_->TakeUpgrade().has_value());
  EXPECT_THAT(call().sent(kClient), ElementsAre(kEmptyBody));
}

TEST_F(Http1DecoderTest, AnUpgradeToSomethingElse) {
  Feed(kClient, "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: irc\r\n\r\n");
  Feed(kServer, "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: irc\r\n\r\n:hi");
  const auto upgrade = decoder_->TakeUpgrade();
  ASSERT_TRUE(upgrade.has_value());
  EXPECT_EQ(upgrade->protocol, Protocol::kUnknown);
  EXPECT_EQ(upgrade->from_server, ":hi");
}

TEST_F(Http1DecoderTest, ATunnelIsSomethingElseToo) {
  Feed(kClient, kConnect + "\x16\x03");
  Feed(kServer, "HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n\x16\x03");
  const auto upgrade = decoder_->TakeUpgrade();
  ASSERT_TRUE(upgrade.has_value());
  EXPECT_EQ(upgrade->protocol, Protocol::kUnknown);
  EXPECT_EQ(upgrade->from_client, "\x16\x03");
  EXPECT_EQ(upgrade->from_server, "\x16\x03") << "a tunnel's answer has no body whatever it says";
}

TEST_F(Http1DecoderTest, AnUpgradeThatIsDeclinedIsAnExchange) {
  for (const std::string& ask : {kAskForWebSocket, kConnect}) {
    Feed(kClient, ask + kGet);
    const size_t asked = recorder_.calls.size() - 1;
    Feed(kServer, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    EXPECT_EQ(call(asked).status, 7);
    EXPECT_THAT(call(asked).sent(kClient), ElementsAre(kEmptyBody));
    EXPECT_THAT(call(asked).sent(kServer), ElementsAre(Message{2, 2, true}));
    ASSERT_THAT(recorder_.calls, SizeIs(asked + 2)) << "what was held is the next request";
    Feed(kServer, kOk + "hello");
    EXPECT_EQ(call(asked + 1).status, 0);
  }
  Feed(kClient, kAskForH2c + "body");
  Feed(kServer, kOk + "hello");
  EXPECT_THAT(recorder_.calls.back()->sent(kClient), ElementsAre(Message{4, 4, true}));
  ExpectAlive();
}

TEST_F(Http1DecoderTest, WhatIsHeldBeforeAnUpgradesAnswerIsBounded) {
  for (const size_t step : {size_t{1'000}, size_t{1'000'000}}) {
    for (const bool too_much : {false, true}) {
      Restart();
      Feed(kClient, kAskForWebSocket);
      const std::string bytes(Http1Decoder::kHeldBytes + too_much, 'x');
      for (size_t i = 0; i < bytes.size(); i += step) Feed(kClient, std::string_view(bytes).substr(i, step));
      if (too_much) {
        ExpectLost("before an upgrade's answer");
      } else {
        Feed(kServer, kSwitchToWebSocket);
        const auto upgrade = decoder_->TakeUpgrade();
        ASSERT_TRUE(upgrade.has_value());
        EXPECT_EQ(upgrade->from_client.size(), Http1Decoder::kHeldBytes);
      }
    }
  }
}

// What ends decoding.

TEST_F(Http1DecoderTest, AnUpgradeThatNoRequestHasOffered) {
  for (const std::string& request : {kGet, std::string("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")}) {
    Restart();
    Feed(kClient, request);
    Feed(kServer, kSwitchToWebSocket);
    ExpectLost("no request has offered");
  }
  Restart();
  Feed(kClient, kAskForH2c + "bod");  // and one whose request is not over
  Feed(kServer, kSwitchToH2c);
  ExpectLost("no request has offered");
}

TEST_F(Http1DecoderTest, AnAnswerWithoutARequest) {
  Feed(kServer, kOk);
  ExpectLost("without a request");
  Restart();
  Feed(kClient, kGet);
  Feed(kServer, kOk + "hello" + kOk);
  ExpectLost("without a request");
  EXPECT_EQ(call().status, 0);
  Restart();
  Feed(kClient, kPost + "bo");
  Feed(kServer, kOk + "hello" + "H");
  ExpectLost("without a request");
  Restart();
  Feed(kClient, kGet.substr(0, kGet.size() - 1));
  Feed(kServer, "H");
  ExpectLost("without a request");
}

TEST_F(Http1DecoderTest, MalformedSections) {
  Feed(kClient, "GET / HTTP/1.1\r\nno colon\r\n\r\n");
  ExpectLost("malformed");
  Restart();
  Feed(kClient, kGet);
  Feed(kServer, "HTTP/1.1 20 OK\r\n\r\n");
  ExpectLost("malformed");
  Restart();
  Feed(kClient, kChunkedPost + "0\r\nno colon\r\n\r\n");
  ExpectLost("malformed");
  Restart();
  Feed(kClient, "GET / HTTP/1.1\n\n");
  ExpectLost("LF alone");
  Restart();
  Feed(kClient, kPost + "bod\r" + "\n");  // the CR is the body's
  ExpectLost("LF alone");
  Restart();
  Feed(kClient, kGet);
  Feed(kServer, "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n");
  ExpectLost("folded");
}

TEST_F(Http1DecoderTest, WhatPassedBeforeABrokenChunkIsTold) {
  Feed(kClient, kChunkedPost + "3\r\nabcx");
  ASSERT_THAT(recorder_.gaps, SizeIs(1));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{3, 3, false}));
}

TEST_F(Http1DecoderTest, BrokenChunks) {
  Feed(kClient, kChunkedPost + "2\r\nabc");
  ExpectLost("broken chunks");
  Restart();
  Feed(kClient, kGet);
  Feed(kServer, kChunkedOk + "g");
  ExpectLost("broken chunks");
}

TEST_F(Http1DecoderTest, ASectionAboveTheLimit) {
  const std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const bool too_long : {false, true}) {
    limits_.header_block = Bytes(answer.size() - too_long);
    Restart();
    Feed(kClient, kGet);
    for (const char c : answer) Feed(kServer, {&c, 1});
    if (too_long) {
      ExpectLost("above the limit");
      continue;
    }
    Feed(kServer, "0\r\nx: " + std::string(answer.size() - 6, 'y') + "\r\n\r\n");
    ExpectLost("above the limit");
    Restart();
    Feed(kClient, kGet);
    Feed(kServer, answer + "0\r\nx: " + std::string(answer.size() - 7, 'y') + "\r\n\r\n");
    ExpectAlive();
  }
}

TEST_F(Http1DecoderTest, MemoryThatALongSectionTookIsGivenBackWhenItIsOver) {
  constexpr size_t kLong = 50'000;
  constexpr size_t kBetweenMessages = 2 * 2'048 + 256;  // a short head of each side
  const std::string field = "X-Long: " + std::string(kLong, 'x') + "\r\n";
  const std::string upgrade = "Upgrade: " + std::string(kLong, 'u') + "\r\n";
  const std::string target(kLong, 't');
  const auto expect_given_back = [&](End from, std::string_view bytes) {
    Feed(from, bytes.substr(0, bytes.size() - 1));
    EXPECT_GE(decoder_->held_bytes(), kLong) << "while it is gathered";
    Feed(from, bytes.substr(bytes.size() - 1));
    EXPECT_LE(decoder_->held_bytes(), kBetweenMessages);
  };
  expect_given_back(
      kClient, "POST /" + target + " HTTP/1.1\r\n" + field + upgrade + "Transfer-Encoding: chunked\r\n\r\n");
  Feed(kClient, "1\r\nx\r\n");
  expect_given_back(kClient, "0\r\n" + field + "\r\n");
  expect_given_back(kServer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + field + upgrade + "\r\n");
  expect_given_back(kServer, "0\r\n" + field + "\r\n");
  Feed(kClient, "GET /" + target + " HTTP/1.1\r\n\r\n");  // seen in place
  EXPECT_LE(decoder_->held_bytes(), kBetweenMessages);
  Feed(kServer, kOk + "hello");
  ExpectAlive();
}

TEST_F(Http1DecoderTest, RequestsWithoutAnAnswerAreBounded) {
  limits_.streams = 3;
  Restart();
  Feed(kClient, kGet + kGet + kGet);
  EXPECT_THAT(recorder_.calls, SizeIs(3));
  Feed(kServer, kOk + "hello");
  Feed(kClient, kGet);
  EXPECT_THAT(recorder_.gaps, IsEmpty());
  Feed(kClient, kGet);
  ExpectLost("too many requests");
  EXPECT_THAT(recorder_.calls, SizeIs(4));
}

TEST_F(Http1DecoderTest, AGapGivesUpEveryCall) {
  Feed(kClient, kGet + kGet);
  Feed(kServer, "nonsense\r\n\r\n");
  ExpectLost("malformed");
  EXPECT_FALSE(call(0).status.has_value());
  EXPECT_FALSE(call(1).status.has_value());
}

// Cut anywhere.

TEST_F(Http1DecoderTest, AnySplitTellsTheSameCalls) {
  const std::vector<std::pair<End, std::string>> talk = {
      {kClient, "\r\n" + kGet + kChunkedPost +
                    "3;x=\"y\"\r\nabc\r\nA \r\n0123456789\r\n0\r\ngrpc-status: 1\r\nX: y\r\n\r\n"},
      {kServer, "HTTP/1.1 103 x\r\nLink: y\r\n\r\n" + kOk + "hel"},
      {kClient, "HEAD / HTTP/1.1\r\n\r\n" + kPost + "bo"},
      {kServer, "lo" + kChunkedOk + "1\r\nx\r\n0\r\n\r\n" + kChunkedOk +
                    "HTTP/1.1 503 x\r\nContent-Length: 3\r\n\r\nxyz"},
      {kClient, "dy" + kAskForWebSocket + kGet},
      {kServer, "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n" + kOk + "hello"},
      {kClient, kAskForH2c + "body" + "to the next decoder"},
      {kServer, kSwitchToH2c + "to the next decoder, too"}};

  const auto listen = [&](auto next_size) {
    auto recorder = std::make_unique<Recorder>();
    Http1Decoder decoder(recorder.get(), &HeaderNames::Standard(), &limits_);
    std::string client, server;
    InPieces(talk, next_size, [&](End end, std::string_view piece) {
      if (auto upgrade = decoder.TakeUpgrade(); upgrade.has_value()) {
        client = upgrade->from_client;
        server = upgrade->from_server;
      }
      if (client.empty()) {
        decoder.Feed(end, std::string(piece));
      } else {
        server += piece;
      }
    });
    if (auto upgrade = decoder.TakeUpgrade(); upgrade.has_value()) {
      client = upgrade->from_client;
      server = upgrade->from_server;
    }
    EXPECT_EQ(client, "to the next decoder");
    EXPECT_EQ(server, "to the next decoder, too");
    return recorder;
  };
  const auto whole = listen([] { return 1'000'000; });
  ASSERT_THAT(whole->gaps, IsEmpty());
  std::vector<int> statuses;
  for (const auto& call : whole->calls) statuses.push_back(call->status.value_or(-1));
  ASSERT_THAT(statuses, ElementsAre(0, 0, 0, 14, 0, 0, -1));

  std::mt19937 random(RandomSeed());
  for (int round = 0; round < 500; ++round) {
    const size_t longest = round == 0 ? 1 : 1 + random() % 60;
    const auto parts = listen([&] { return 1 + random() % longest; });
    ASSERT_THAT(parts->gaps, IsEmpty());
    ASSERT_THAT(parts->calls, SizeIs(whole->calls.size()));
    for (size_t i = 0; i < whole->calls.size(); ++i) ASSERT_EQ(*parts->calls[i], *whole->calls[i]) << i;
  }
}

}  // namespace
}  // namespace fedcarbon::node
