#include "node/wire/connection_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/node/wire/http2_frames.h"
#include "tests/unit/node/wire/recorder.h"
#include "tests/unit/node/wire/websocket_frames.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kAnyGet = "GET /page HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kAnyAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const std::string kAskForUpgrade = "GET /w HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const std::string kSwitchProtocols =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const std::string kNotRecognised = "protocol not recognised";

class ConnectionDecoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    decoder_.reset();
    recorder_ = Recorder();
    decoder_ = std::make_unique<ConnectionDecoder>(&recorder_, &HeaderNames::Standard(), &limits_);
  }
  void Restart() { SetUp(); }

  void Feed(End from, std::string_view bytes) { decoder_->Feed(from, bytes); }
  const Call& call(size_t i = 0) const { return *recorder_.calls.at(i); }

  /// The client's bytes of a gRPC call, from its preface on, and the server's.
  static std::string GrpcRequest() {
    return std::string(kPreface) + Settings() +
           Headers(1, Encoder().Encode({{":method", "POST"},
                                        {":scheme", "http"},
                                        {":path", "/a/b"},
                                        {"content-type", "application/grpc"}})) +
           Data(1, GrpcMessage("hello"), kEndStream);
  }
  static std::string GrpcAnswer() {
    return Headers(
        1, Encoder().Encode({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "0"}}),
        kEndHeaders | kEndStream);
  }

  WireLimits limits_;
  Recorder recorder_;
  std::unique_ptr<ConnectionDecoder> decoder_;
};

TEST_F(ConnectionDecoderTest, RecognisesByTheFirstBytesInAnySplit) {
  const std::pair<std::string, Protocol> kBeginnings[] = {
      {GrpcRequest(), Protocol::kHttp2},
      {kAnyGet, Protocol::kHttp1},
      {"POST /p HTTP/1.1\r\nContent-Length: 0\r\n\r\n", Protocol::kHttp1},  // begins as PRI does
      {"PROPFIND /p HTTP/1.1\r\n\r\n", Protocol::kHttp1},
      {"UNSUBSCRIBE /p HTTP/1.1\r\n\r\n", Protocol::kHttp1},
      {"\r\n\r\n" + kAnyGet, Protocol::kHttp1},
      {std::string("\x16\x03\x01\x02\x00\x01", 6), Protocol::kTls},
      {"\x16\x04 is no TLS", Protocol::kUnknown},
      {"PRI * HTTP/2.1\r\n\r\n", Protocol::kUnknown},
      {"get / HTTP/1.1\r\n\r\n", Protocol::kUnknown},
      {"SSH-2.0-OpenSSH\r\n", Protocol::kUnknown},
      {"\r" + kAnyGet, Protocol::kUnknown},
      {std::string(1, '\0'), Protocol::kUndecided},
      {"GE", Protocol::kUndecided},
      {"PRI * HTTP/2.0\r\n", Protocol::kUndecided},
  };
  for (const auto& [bytes, protocol] : kBeginnings) {
    for (size_t cut = 0; cut < std::min<size_t>(bytes.size(), 30); ++cut) {
      Restart();
      Feed(kClient, bytes.substr(0, cut));
      Feed(kClient, bytes.substr(cut));
      EXPECT_EQ(decoder_->protocol(), protocol) << bytes << " cut after " << cut;
    }
  }
}

TEST_F(ConnectionDecoderTest, EmptyLinesMayPrecedeTheFirstRequest) {
  const std::string client = "\r\n\r\n" + kAnyGet;
  for (size_t cut = 0; cut < client.size(); ++cut) {
    SCOPED_TRACE(cut);
    Restart();
    Feed(kClient, client.substr(0, cut));
    Feed(kClient, client.substr(cut));
    Feed(kServer, kAnyAnswer);
    ASSERT_THAT(recorder_.calls, SizeIs(1));
    EXPECT_EQ(call().blocks[0].bytes, kAnyGet.size());
    EXPECT_EQ(call().status, 0);
    EXPECT_THAT(recorder_.gaps, IsEmpty());
  }
}

TEST_F(ConnectionDecoderTest, AServerThatSpeaksFirstIsHeardOnceTheClientIsKnown) {
  Feed(kServer, Settings());
  EXPECT_THAT(recorder_.protocols, IsEmpty());
  Feed(kClient, GrpcRequest());
  Feed(kServer, GrpcAnswer());
  EXPECT_THAT(recorder_.protocols, ElementsAre(Protocol::kHttp2));
  ASSERT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{10, 5, true}));
  EXPECT_EQ(call().status, 0);
  EXPECT_THAT(recorder_.gaps, IsEmpty());
}

TEST_F(ConnectionDecoderTest, HoldsSoMuchOfAServerThatSpeaksFirstAndNoMore) {
  for (const size_t first : {ConnectionDecoder::kHeldBytes, size_t{0}}) {
    Restart();
    Feed(kServer, std::string(first, 'x'));
    EXPECT_EQ(decoder_->protocol(), Protocol::kUndecided);
    Feed(kServer, std::string(ConnectionDecoder::kHeldBytes + 1 - first, 'x'));
    EXPECT_EQ(decoder_->protocol(), Protocol::kUnknown);
    EXPECT_THAT(recorder_.gaps, ElementsAre(kNotRecognised));
    EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(ConnectionDecoder::kHeldBytes + 1));
  }
}

TEST_F(ConnectionDecoderTest, WhatAServerSaidFirstAnswersNoLaterRequestInAnySplit) {
  for (size_t cut = 3; cut < kAnyGet.size(); ++cut) {
    Restart();
    Feed(kClient, kAnyGet.substr(0, 3));
    Feed(kServer, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    Feed(kClient, kAnyGet.substr(3, cut - 3));
    Feed(kClient, kAnyGet.substr(cut));
    EXPECT_THAT(recorder_.gaps, ElementsAre("an answer without a request")) << cut;
    EXPECT_THAT(recorder_.calls, IsEmpty());
  }
}

TEST_F(ConnectionDecoderTest, AServerThatHasLeftBeforeTheClientIsKnownAnswersNothing) {
  Feed(kServer, Settings());
  decoder_->Finish(kServer);
  Feed(kClient, GrpcRequest());
  decoder_->Finish(kClient);
  ASSERT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_FALSE(call().status.has_value());
  EXPECT_THAT(recorder_.gaps, IsEmpty());

  Restart();
  decoder_->Finish(kServer);
  Feed(kClient, kAnyGet);
  ASSERT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_FALSE(call().status.has_value());
}

TEST_F(ConnectionDecoderTest, CountsWhatItDoesNotKnowFromTheFirstByteOn) {
  Feed(kServer, "220 ready\r\n");
  Feed(kClient, "EHLO");
  Feed(kClient, " me\r\n");
  Feed(kServer, "250 ok\r\n");
  EXPECT_THAT(recorder_.protocols, ElementsAre(Protocol::kUnknown));
  EXPECT_THAT(recorder_.gaps, ElementsAre(kNotRecognised));
  EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(11 + 4 + 5 + 8));
}

TEST_F(ConnectionDecoderTest, SealedBytesAreNoGap) {
  Feed(kClient, "\x16\x03\x01");
  Feed(kServer, "\x16\x03\x03");
  EXPECT_THAT(recorder_.protocols, ElementsAre(Protocol::kTls));
  EXPECT_FALSE(recorder_.lost);
  EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(0));
}

TEST_F(ConnectionDecoderTest, CountsWhatPassesAfterAGap) {
  Feed(kClient, kAnyGet + "no request at all\r\n\r\n");
  ASSERT_THAT(recorder_.gaps, SizeIs(1));
  EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(0));
  Feed(kServer, kAnyAnswer);
  EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(kAnyAnswer.size()));
  EXPECT_EQ(decoder_->protocol(), Protocol::kHttp1);
}

TEST_F(ConnectionDecoderTest, AWebSocketBeginsAtTheByteAfterItsAnswerInAnySplit) {
  const std::string client = kAskForUpgrade + WebSocketFrame(kClient, kFinal | kText, "early");
  const std::string server = kSwitchProtocols + WebSocketFrame(kServer, kFinal | kBinary, "at once");
  for (size_t cut = 0; cut < client.size() + server.size(); ++cut) {
    SCOPED_TRACE(cut);
    Restart();
    const size_t of_client = std::min(cut, client.size());
    Feed(kClient, client.substr(0, of_client));
    Feed(kClient, client.substr(of_client));
    Feed(kServer, server.substr(0, cut - of_client));
    Feed(kServer, server.substr(cut - of_client));
    Feed(kClient, WebSocketFrame(kClient, kFinal | kText, "more"));
    EXPECT_THAT(recorder_.protocols, ElementsAre(Protocol::kHttp1, Protocol::kWebSocket));
    ASSERT_THAT(recorder_.calls, SizeIs(1));
    EXPECT_THAT(call().sent(kClient), ElementsAre(Message{5, 5, true}, Message{4, 4, true}));
    EXPECT_THAT(call().sent(kServer), ElementsAre(Message{7, 7, true}));
    EXPECT_THAT(recorder_.gaps, IsEmpty());
  }
}

TEST_F(ConnectionDecoderTest, Http2AfterAnUpgradeAnswersTheRequestOnStreamOne) {
  Feed(kClient,
       "GET /p HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n");
  Feed(kServer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" +
                    Settings() + Headers(1, Encoder().Encode({{":status", "200"}})) +
                    Data(1, "answer", kEndStream));
  Feed(kClient, std::string(kPreface) + Settings());
  EXPECT_THAT(recorder_.protocols, ElementsAre(Protocol::kHttp1, Protocol::kHttp2));
  ASSERT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{6, 6, true}));
  EXPECT_EQ(call().status, 0);
  EXPECT_THAT(recorder_.gaps, IsEmpty());
}

TEST_F(ConnectionDecoderTest, WhatGoesThroughATunnelIsNotDecoded) {
  Feed(kClient, "CONNECT far.example:443 HTTP/1.1\r\n\r\n");
  Feed(kServer, "HTTP/1.1 200 OK\r\n\r\nabc");
  Feed(kClient, "defgh");
  EXPECT_THAT(recorder_.protocols, ElementsAre(Protocol::kHttp1, Protocol::kUnknown));
  EXPECT_THAT(recorder_.gaps, ElementsAre(kNotRecognised));
  EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(3 + 5));
}

TEST_F(ConnectionDecoderTest, AClientThatLeavesBeforeItIsKnown) {
  decoder_->Finish(kClient);
  decoder_->Finish(kServer);
  EXPECT_THAT(recorder_.gaps, IsEmpty()) << "nothing said is nothing lost";

  Restart();
  Feed(kClient, "GE");
  decoder_->Finish(kClient);
  EXPECT_THAT(recorder_.gaps, ElementsAre(kNotRecognised));
  EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(2));

  Restart();
  decoder_->Finish(kClient);
  Feed(kServer, "to whom?");
  EXPECT_THAT(recorder_.gaps, ElementsAre(kNotRecognised));
  EXPECT_EQ(decoder_->undecoded_bytes(), Bytes(8));
}

TEST_F(ConnectionDecoderTest, ABodyUntilTheCloseEndsWithIt) {
  Feed(kClient, kAnyGet);
  Feed(kServer, "HTTP/1.1 200 OK\r\n\r\nall of it");
  decoder_->Finish(kServer);
  ASSERT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{9, 9, true}));
  EXPECT_EQ(call().status, 0);
}

}  // namespace
}  // namespace fedcarbon::node
