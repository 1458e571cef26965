#include "node/wire/http2_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/node/wire/http2_frames.h"
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

const Fields kGrpcRequest = {{":method", "POST"},
                             {":scheme", "http"},
                             {":path", "/package.Service/Method"},
                             {"te", "trailers"},
                             {"content-type", "application/grpc+proto"}};
const Fields kGrpcAnswer = {{":status", "200"}, {"content-type", "application/grpc+proto"}};
const Fields kGrpcTrailers = {{"grpc-status", "0"}, {"grpc-message", ""}};
const Fields kHttp2Get = {{":method", "GET"}, {":scheme", "http"}, {":path", "/page"}};

/// A list makes its members in order, as HPACK needs it; `+` need not.
std::string Join(std::initializer_list<std::string> frames) {
  std::string bytes;
  for (const std::string& frame : frames) bytes += frame;
  return bytes;
}

/// A connection whose two sides have begun.
class Http2DecoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    decoder_.reset();
    recorder_ = Recorder();
    Begin(std::make_unique<Http2Decoder>(&recorder_, &HeaderNames::Standard(), &limits_));
  }

  void Begin(std::unique_ptr<Http2Decoder> decoder) {
    decoder_ = std::move(decoder);
    client_ = Encoder();
    server_ = Encoder();
    Feed(kClient, {std::string(kPreface), Settings()});
    Feed(kServer, Settings());
  }

  /// With limits_ as they are now.
  void Restart() { SetUp(); }

  void Feed(End from, std::string_view bytes) { decoder_->Feed(from, bytes); }
  void Feed(End from, std::initializer_list<std::string> frames) { Feed(from, Join(frames)); }

  std::string Request(uint32_t stream, const Fields& fields = kGrpcRequest, uint8_t flags = 0) {
    return Headers(stream, client_.Encode(fields), flags | kEndHeaders);
  }
  std::string Answer(uint32_t stream, const Fields& fields = kGrpcAnswer, uint8_t flags = 0) {
    return Headers(stream, server_.Encode(fields), flags | kEndHeaders);
  }
  std::string Trailers(uint32_t stream, const Fields& fields = kGrpcTrailers) {
    return Answer(stream, fields, kEndStream);
  }

  void UnaryCall(uint32_t stream) {
    Feed(kClient, {Request(stream), Data(stream, GrpcMessage("request"), kEndStream)});
    Feed(kServer, {Answer(stream), Data(stream, GrpcMessage("answer!!")), Trailers(stream)});
  }

  const Call& call(size_t i = 0) const { return *recorder_.calls.at(i); }

  /// The connection is still read: another call comes through with its fields.
  void ExpectAlive(uint32_t stream = 1'001) {
    ASSERT_FALSE(decoder_->lost()) << recorder_.gaps.back();
    const size_t calls = recorder_.calls.size();
    UnaryCall(stream);
    ASSERT_THAT(recorder_.calls, SizeIs(calls + 1));
    ExpectUnary(call(calls));
  }

  static void ExpectUnary(const Call& call) {
    ASSERT_THAT(call.blocks, SizeIs(3));
    EXPECT_THAT(call.blocks[0].fields,
                ElementsAre(Pair(":method", "POST"), Pair(":path", "/package.Service/Method"),
                            Pair("content-type", "application/grpc+proto")));
    EXPECT_THAT(call.blocks[1].fields,
                ElementsAre(Pair(":status", "200"), Pair("content-type", "application/grpc+proto")));
    EXPECT_THAT(call.blocks[2].fields, ElementsAre(Pair("grpc-status", "0")));
    EXPECT_THAT(call.sent(kClient), ElementsAre(Message{12, 7, true}));
    EXPECT_THAT(call.sent(kServer), ElementsAre(Message{13, 8, true}));
    EXPECT_EQ(call.status, 0);
    EXPECT_TRUE(call.gone);
  }

  void ExpectLost(std::string_view why) {
    ASSERT_TRUE(decoder_->lost()) << why;
    EXPECT_THAT(recorder_.gaps.back(), HasSubstr(std::string(why)));
    const size_t calls = recorder_.calls.size();
    for (const auto& call : recorder_.calls) EXPECT_TRUE(call->gone);
    UnaryCall(1'001);  // the recorder stops the program if anything is told
    EXPECT_THAT(recorder_.calls, SizeIs(calls));
  }

  WireLimits limits_;
  Recorder recorder_;
  std::unique_ptr<Http2Decoder> decoder_;
  Encoder client_;
  Encoder server_;
};

// What a call is.

TEST_F(Http2DecoderTest, AUnaryCall) {
  const std::string request = client_.Encode(kGrpcRequest);
  const std::string answer = server_.Encode(kGrpcAnswer);
  const std::string trailers = server_.Encode(kGrpcTrailers);
  Feed(kClient, {Headers(1, request), Data(1, GrpcMessage("request"), kEndStream)});
  Feed(kServer, {Headers(1, answer), Data(1, GrpcMessage("answer!!"))});
  EXPECT_FALSE(call().status.has_value());
  Feed(kServer, Headers(1, trailers, kEndHeaders | kEndStream));
  ExpectUnary(call());
  EXPECT_EQ(call().blocks[0].bytes, request.size());
  EXPECT_EQ(call().blocks[1].bytes, answer.size());
  EXPECT_EQ(call().blocks[2].bytes, trailers.size());
  EXPECT_EQ(recorder_.pieces, 2u) << "a message in one frame is one piece";
  ExpectAlive();
}

TEST_F(Http2DecoderTest, InterleavedStreamsKeepTheirMessagesApart) {
  Feed(kClient, {Request(1), Request(3), Request(5)});
  const std::string message = GrpcMessage("split in two");
  for (const uint32_t stream : {5, 1, 3}) Feed(kClient, Data(stream, message.substr(0, stream)));
  for (const uint32_t stream : {3, 5, 1}) Feed(kClient, Data(stream, message.substr(stream), kEndStream));
  for (const uint32_t stream : {3, 1, 5})
    Feed(kServer, Trailers(stream, {{":status", "200"}, {"grpc-status", std::to_string(stream)}}));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(call(i).sent(kClient), ElementsAre(Message{17, 12, true}));
    EXPECT_EQ(call(i).status, static_cast<int>(2 * i + 1));
  }
}

TEST_F(Http2DecoderTest, SeveralMessagesInAFrameAndAFrameInsideAPrefix) {
  Feed(kClient,
       {Request(1), Data(1, GrpcMessage("a") + GrpcMessage("") + GrpcMessage("bb", 1).substr(0, 3))});
  Feed(kClient, {Data(1, ""), Data(1, GrpcMessage("bb", 1).substr(3)), Data(1, "", kEndStream)});
  EXPECT_THAT(call().sent(kClient),
              ElementsAre(Message{6, 1, true}, Message{5, 0, true}, Message{7, std::nullopt, true}));
  EXPECT_EQ(call().contents[0], "a") << "what is compressed is not shown";
}

TEST_F(Http2DecoderTest, OneFrameMayBeAsLongAsFramesCanBe) {
  const std::string message = GrpcMessage(std::string(16'777'210, 'x'));
  Feed(kClient, {Request(1), Data(1, message, kEndStream)});
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{16'777'215, 16'777'210, true}));
  EXPECT_EQ(recorder_.pieces, 1u);
  ExpectAlive();
}

TEST_F(Http2DecoderTest, TrailersOnly) {
  Feed(kClient, {Request(1), Data(1, GrpcMessage("m"), kEndStream)});
  Feed(kServer,
       Trailers(1, {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "5"}}));
  EXPECT_EQ(call().status, 5);
  EXPECT_THAT(call().sent(kServer), IsEmpty());
}

TEST_F(Http2DecoderTest, TrailersOnlyWithoutAContentTypeHasNoMessageEither) {
  Feed(kClient, Request(1, kGrpcRequest, kEndStream));
  Feed(kServer, Trailers(1, {{":status", "200"}, {"grpc-status", "12"}}));
  EXPECT_EQ(call().status, 12);
  EXPECT_THAT(call().sent(kServer), IsEmpty());
}

TEST_F(Http2DecoderTest, InformationalAnswersAreTellingNothingYet) {
  Feed(kClient, Request(1, kGrpcRequest, kEndStream));
  Feed(kServer,
       {Answer(1, {{":status", "100"}}), Answer(1, {{":status", "103"}, {"content-type", "text/html"}})});
  Feed(kServer, {Answer(1), Data(1, GrpcMessage("m")), Trailers(1)});
  EXPECT_THAT(call().blocks, SizeIs(5));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{6, 1, true}));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http2DecoderTest, AClientMaySendTrailersToo) {
  Feed(kClient, {Request(1), Data(1, GrpcMessage("m")), Request(1, {{"x", "y"}}, kEndStream)});
  Feed(kServer, {Answer(1), Trailers(1)});
  ASSERT_THAT(call().blocks, SizeIs(4));
  EXPECT_EQ(call().blocks[1].from, kClient);
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http2DecoderTest, AnEndInTheMiddleOfAMessageTellsWhatPassed) {
  Feed(kClient, {Request(1), Data(1, GrpcMessage("cut short").substr(0, 8), kEndStream)});
  Feed(kServer, Trailers(1));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{8, 3, false}));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http2DecoderTest, AnUnknownMessageFlagGivesUpThatCallAlone) {
  Feed(kClient, {Request(1), Request(3)});
  Feed(kServer, {Answer(1), Data(1, GrpcMessage("m") + GrpcMessage("x-grpc-web: trailers", 0x80))});
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{6, 1, true}));
  EXPECT_TRUE(call().gone);
  EXPECT_FALSE(call().status.has_value());
  EXPECT_THAT(recorder_.gaps, ElementsAre(HasSubstr("unknown flags")));
  Feed(kServer, {Data(1, "anything"), Trailers(1)});
  Feed(kClient, Data(3, "", kEndStream));
  Feed(kServer, Trailers(3));
  EXPECT_EQ(call(1).status, 0);
  ExpectAlive();
}

TEST_F(Http2DecoderTest, ABodyInFrontOfItsAnswerGivesUpThatCallAlone) {
  uint32_t stream = 1;
  for (const Fields& request : {kGrpcRequest, kHttp2Get}) {
    recorder_.gaps.clear();
    Feed(kClient, Request(stream, request, kEndStream));
    Feed(kServer, Answer(stream, {{":status", "103"}}));
    Feed(kServer, Data(stream, GrpcMessage("message").substr(0, 8)));
    EXPECT_TRUE(recorder_.calls.back()->gone);
    EXPECT_FALSE(recorder_.calls.back()->status.has_value());
    EXPECT_THAT(recorder_.gaps, ElementsAre(HasSubstr("in front of its answer")));
    Feed(kServer, Trailers(stream, {{":status", "200"}, {"content-encoding", "gzip"}}));
    EXPECT_THAT(recorder_.calls.back()->sent(kServer), IsEmpty());
    stream += 2;
  }
  ExpectAlive();
}

// What is not gRPC.

TEST_F(Http2DecoderTest, AnHttpExchangeIsOneMessageEachWay) {
  Feed(kClient, Request(1, {{":method", "POST"}, {":path", "/"}, {"content-type", "application/json"}}));
  Feed(kClient, {Data(1, "one "), Data(1, "two", kEndStream)});
  Feed(kServer, {Answer(1, {{":status", "200"}}), Data(1, "three"), Data(1, "", kEndStream)});
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{7, 7, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{5, 5, true}));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http2DecoderTest, GrpcWebIsPlainHttp) {
  const std::string request = GrpcMessage("one") + GrpcMessage("two");
  const std::string answer = GrpcMessage("three") + GrpcMessage("grpc-status: 5", 0x80);
  uint32_t stream = 1;
  for (const std::string type : {"application/grpc-web", "application/grpc-web+proto",
                                 "application/grpc-web-text", "application/grpc-web; charset=utf-8"}) {
    SCOPED_TRACE(type);
    Feed(kClient, {Request(stream, {{":method", "POST"}, {":path", "/a/b"}, {"content-type", type}}),
                   Data(stream, request, kEndStream)});
    Feed(kServer, {Answer(stream, {{":status", "200"}, {"content-type", type}, {"grpc-status", "5"}}),
                   Data(stream, answer, kEndStream)});
    EXPECT_THAT(recorder_.calls.back()->sent(kClient),
                ElementsAre(Message{request.size(), request.size(), true}));
    EXPECT_THAT(recorder_.calls.back()->sent(kServer),
                ElementsAre(Message{answer.size(), answer.size(), true}));
    EXPECT_EQ(recorder_.calls.back()->status, 0) << "of the HTTP status";
    stream += 2;
  }
  EXPECT_THAT(recorder_.gaps, IsEmpty());
}

TEST_F(Http2DecoderTest, AnEmptyBodyIsAnEmptyMessage) {
  Feed(kClient, Request(1, kHttp2Get, kEndStream));
  Feed(kServer, Trailers(1, {{":status", "304"}}));
  EXPECT_THAT(call().sent(kClient), ElementsAre(kEmptyBody));
  EXPECT_THAT(call().sent(kServer), ElementsAre(kEmptyBody));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http2DecoderTest, OfAnEncodedBodyOnlyTheEncodedBytesAreKnown) {
  Feed(kClient,
       Request(1, {{":method", "POST"}, {"content-encoding", "identity"}}) + Data(1, "abc", kEndStream));
  Feed(kServer, {Answer(1, {{":status", "200"}, {"content-encoding", "gzip"}}), Data(1, "de")});
  Feed(kServer, Trailers(1, {{"x", "y"}}));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{3, 3, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{2, std::nullopt, true}));
  EXPECT_THAT(call().contents, ElementsAre("abc", ""));
}

TEST_F(Http2DecoderTest, AGatewaysPageForAGrpcCallIsOneMessage) {
  Feed(kClient, {Request(1), Data(1, GrpcMessage("m"), kEndStream)});
  Feed(kServer,
       Answer(1, {{":status", "502"}, {"content-type", "text/html"}}) + Data(1, "<html>", kEndStream));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{6, 1, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{6, 6, true}));
  EXPECT_EQ(call().status, 14);
}

TEST_F(Http2DecoderTest, AGrpcCallWithoutAGrpcStatusIsNotOk) {
  Feed(kClient, Request(1, kGrpcRequest, kEndStream));
  Feed(kServer, {Answer(1), Data(1, GrpcMessage("m"), kEndStream)});
  EXPECT_EQ(call().status, 2);
}

TEST_F(Http2DecoderTest, ATunnelIsABodyEachWay) {
  const Fields connect = {{":method", "CONNECT"},
                          {":protocol", "websocket"},
                          {":path", "/chat"},
                          {"content-type", "application/grpc"}};
  Feed(kClient, Request(1, connect));
  Feed(kServer, {Answer(1, {{":status", "200"}}), Data(1, "\x81\x01y")});
  Feed(kClient, {Data(1, "\x81\x81mask~"), Data(1, "", kEndStream)});
  Feed(kServer, Data(1, "", kEndStream));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{7, 7, true}));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{3, 3, true}));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http2DecoderTest, AfterAnUpgradeTheAnswerComesOnStream1) {
  decoder_.reset();
  recorder_ = Recorder();
  Begin(std::make_unique<Http2Decoder>(&recorder_, &HeaderNames::Standard(), &limits_, recorder_.NewCall()));
  Feed(kServer, Answer(1, {{":status", "200"}}));
  Feed(kClient, Data(1, "the client has ended it"));
  EXPECT_FALSE(call().status.has_value());
  Feed(kServer, Data(1, "answer", kEndStream));
  EXPECT_THAT(call().blocks, SizeIs(1));
  EXPECT_THAT(call().sent(kClient), IsEmpty()) << "told by whoever read the request";
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{6, 6, true}));
  EXPECT_EQ(call().status, 0);
  Feed(kClient, Request(1));
  EXPECT_THAT(recorder_.calls, SizeIs(1)) << "stream 1 is used up";
  ExpectAlive(3);
}

// When a call ends.

TEST_F(Http2DecoderTest, AServerThatEndsFirstWaitsForTheClientsEnd) {
  Feed(kClient, {Request(1), Data(1, GrpcMessage("m"))});
  Feed(kServer, Trailers(1, {{":status", "200"}, {"grpc-status", "8"}}));
  EXPECT_FALSE(call().status.has_value());
  Feed(kClient, Data(1, GrpcMessage("in flight"), kEndStream));
  EXPECT_EQ(call().status, 8);
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{6, 1, true}, Message{14, 9, true}));
}

TEST_F(Http2DecoderTest, AResetAfterTheServersEndKeepsItsStatus) {
  uint32_t stream = 1;
  for (const End end : {kClient, kServer}) {
    for (const uint32_t code : {NGHTTP2_NO_ERROR, NGHTTP2_CANCEL}) {
      Feed(kClient, Request(stream));
      Feed(kServer, Trailers(stream, {{":status", "200"}, {"grpc-status", "8"}}));
      Feed(end, RstStream(stream, code));
      EXPECT_EQ(recorder_.calls.back()->status, 8);
      stream += 2;
    }
  }
}

TEST_F(Http2DecoderTest, AResetBeforeItIsCancelledWhoeverSentIt) {
  uint32_t stream = 1;
  for (const End end : {kClient, kServer}) {
    Feed(kClient, {Request(stream), Data(stream, GrpcMessage("half a message").substr(0, 9))});
    Feed(kServer, {Answer(stream), Data(stream, GrpcMessage("m"))});
    Feed(end, RstStream(stream, NGHTTP2_NO_ERROR));
    EXPECT_EQ(recorder_.calls.back()->status, 1);
    EXPECT_TRUE(recorder_.calls.back()->gone);
    EXPECT_THAT(recorder_.calls.back()->sent(kClient), ElementsAre(Message{9, 4, false}));
    stream += 2;
  }
  ExpectAlive();
}

TEST_F(Http2DecoderTest, LateFramesOfAClosedStreamOnlyKeepTheTablesRight) {
  Feed(kClient, Request(1));
  Feed(kClient, RstStream(1, NGHTTP2_CANCEL));
  Feed(kServer, {Answer(1), Data(1, GrpcMessage("late")), Trailers(1), RstStream(1, NGHTTP2_NO_ERROR)});
  Feed(kClient, {Data(1, "late", kEndStream), Request(1)});
  EXPECT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_THAT(call().blocks, SizeIs(1));
  ExpectAlive();
}

TEST_F(Http2DecoderTest, NothingAfterASidesEndIsRead) {
  Feed(kClient, {Request(1, kGrpcRequest, kEndStream), Data(1, GrpcMessage("m")), Request(1),
                 Data(1, "", kEndStream)});
  EXPECT_THAT(call().blocks, SizeIs(1));
  EXPECT_THAT(call().sent(kClient), IsEmpty());
  Feed(kServer, Trailers(1));
  EXPECT_EQ(call().status, 0);
  ExpectAlive();
}

TEST_F(Http2DecoderTest, AClientThatHasGoneEndsCallsThatOnlyWaitedForIt) {
  Feed(kClient, {Request(1), Request(3)});
  Feed(kServer, Trailers(1));
  decoder_->Finish(kServer);
  EXPECT_FALSE(call(0).status.has_value());
  decoder_->Finish(kClient);
  EXPECT_EQ(call(0).status, 0);
  EXPECT_FALSE(call(1).status.has_value());
  Feed(kServer, Trailers(3, {{"grpc-status", "4"}}));  // it had only closed its sending half
  EXPECT_EQ(call(1).status, 4);
}

TEST_F(Http2DecoderTest, ACallThatIsCutHasNoEnd) {
  Feed(kClient, Request(1));
  decoder_->Finish(kClient);
  decoder_->Finish(kServer);
  decoder_.reset();
  EXPECT_TRUE(call().gone);
  EXPECT_FALSE(call().status.has_value());
}

TEST_F(Http2DecoderTest, ACallNobodyListensToIsOnlyInflated) {
  recorder_.deaf = true;
  UnaryCall(1);
  recorder_.deaf = false;
  ExpectAlive();
}

// Which streams are calls.

TEST_F(Http2DecoderTest, OnlyRisingOddStreamsOfTheClientAreCalls) {
  UnaryCall(5);
  Feed(kClient, {Request(3), Request(5), Request(6)});
  Feed(kServer, {Answer(9), Data(9, "x")});
  EXPECT_THAT(recorder_.calls, SizeIs(1));
  ExpectAlive(7);
  ExpectAlive(0x7fffffff);
}

TEST_F(Http2DecoderTest, TheReservedBitOfAStreamIsIgnored) {
  Feed(kClient, {Request(0x80000001), Data(1, GrpcMessage("m"), kEndStream)});
  Feed(kServer, Trailers(0x80000001));
  EXPECT_EQ(call().status, 0);
}

TEST_F(Http2DecoderTest, PushedStreamsAreNoCalls) {
  Feed(kClient, Request(1, kHttp2Get, kEndStream));
  Feed(kServer, Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, Number(2, 4) + server_.Encode(kHttp2Get)));
  Feed(kServer, Frame(NGHTTP2_PUSH_PROMISE, kPadded, 1,
                      Number(3, 1) + Number(4, 4) + server_.Encode(kHttp2Get).substr(0, 2) + "pad"));
  Feed(kServer, Continuation(1, server_.Encode(kHttp2Get).substr(2)));
  Feed(kServer, {Answer(2, {{":status", "200"}, {"x-pushed", "y"}}), Data(2, "pushed", kEndStream)});
  Feed(kServer, {Answer(1, {{":status", "200"}}), Data(1, "asked", kEndStream)});
  EXPECT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_THAT(call().blocks, SizeIs(2));
  EXPECT_THAT(call().sent(kServer), ElementsAre(Message{5, 5, true}));
  ExpectAlive();
}

TEST_F(Http2DecoderTest, OpenStreamsAreBoundedAndTheOldestIsGivenUp) {
  limits_.streams = 3;
  Restart();
  Feed(kClient, {Request(1), Request(3), Request(5)});
  EXPECT_THAT(recorder_.gaps, IsEmpty());
  EXPECT_FALSE(call(0).gone);
  Feed(kClient, Request(7));
  EXPECT_THAT(recorder_.gaps, ElementsAre(HasSubstr("more open streams")));
  EXPECT_TRUE(call(0).gone);
  EXPECT_FALSE(call(0).status.has_value());
  for (const uint32_t stream : {1, 3, 5, 7}) {
    Feed(kClient, Data(stream, GrpcMessage("m"), kEndStream));
    Feed(kServer, {Answer(stream), Trailers(stream)});
  }
  EXPECT_THAT(call(0).sent(kClient), IsEmpty());
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(call(i).status, 0);
  ExpectAlive();
}

// How frames are made.

TEST_F(Http2DecoderTest, PaddingIsNoPartOfWhatIsInside) {
  const std::string block = client_.Encode(kGrpcRequest);
  const std::string pad(200, '\0');
  Feed(kClient, Headers(1, Number(200, 1) + "prio:" + block + pad, kEndHeaders | kPadded | kPriority));
  EXPECT_EQ(call().blocks[0].bytes, block.size());
  Feed(kClient, Data(1, Number(3, 1) + GrpcMessage("m") + "pad", kPadded));
  Feed(kClient, Data(1, Number(0, 1) + GrpcMessage("n"), kPadded));
  Feed(kClient, Data(1, Number(200, 1) + pad, kPadded | kEndStream));
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{6, 1, true}, Message{6, 1, true}));
  Feed(kServer, {Headers(1, Number(0, 1) + server_.Encode(kGrpcAnswer), kEndHeaders | kPadded), Trailers(1)});
  EXPECT_EQ(call().status, 0);
  ExpectAlive();
}

TEST_F(Http2DecoderTest, ABodyThatEndsInAPaddedFrameEndsOnce) {
  Feed(kClient, {Request(1, kHttp2Get), Data(1, Number(2, 1) + "body" + "pa", kPadded | kEndStream)});
  EXPECT_THAT(call().sent(kClient), ElementsAre(Message{4, 4, true}));
  EXPECT_EQ(recorder_.pieces, 1u);
}

TEST_F(Http2DecoderTest, ContinuationsMayCutInsideAFieldBeEmptyAndFollowPadding) {
  const std::string block = client_.Encode(kGrpcRequest);
  Feed(kClient, Headers(1, Number(1, 1) + block.substr(0, 3) + "p", kPadded | kEndStream));
  Feed(kClient, {Continuation(1, "", 0), Continuation(1, block.substr(3, 1), 0)});
  Feed(kServer, Frame(NGHTTP2_PING, 0, 0, "12345678"));  // the other direction has no open block
  EXPECT_THAT(recorder_.calls, IsEmpty());
  Feed(kClient, {Continuation(1, block.substr(4), 0), Continuation(1, "")});
  ASSERT_THAT(recorder_.calls, SizeIs(1));
  EXPECT_EQ(call().blocks[0].bytes, block.size());
  Feed(kServer, Trailers(1));
  EXPECT_EQ(call().status, 0) << "END_STREAM stood on HEADERS";
  ExpectAlive();
}

TEST_F(Http2DecoderTest, BlocksOfBothDirectionsMayBeOpenAtOnce) {
  Feed(kClient, Request(1, kGrpcRequest, kEndStream));
  const std::string request = client_.Encode(kGrpcRequest);
  const std::string answer = server_.Encode(kGrpcAnswer);
  Feed(kClient, Headers(3, request.substr(0, 2), kEndStream));
  Feed(kServer, Headers(1, answer.substr(0, 4), 0));
  Feed(kClient, Continuation(3, request.substr(2)));
  Feed(kServer, {Continuation(1, answer.substr(4)), Trailers(1), Answer(3), Trailers(3)});
  EXPECT_EQ(call(0).status, 0);
  EXPECT_EQ(call(1).status, 0);
  EXPECT_EQ(call(1).blocks[0].fields, call(0).blocks[0].fields);
}

TEST_F(Http2DecoderTest, AResetWhileTheOtherSidesBlockIsOpenLeavesTheBlockToItsSide) {
  Feed(kClient, Request(1));
  const std::string answer = server_.Encode(kGrpcAnswer);
  Feed(kServer, Headers(1, answer.substr(0, 4), 0));
  Feed(kClient, RstStream(1, NGHTTP2_CANCEL));
  Feed(kServer, Continuation(1, answer.substr(4)));
  EXPECT_EQ(call().status, 1);
  EXPECT_THAT(call().blocks, SizeIs(1));
  ExpectAlive();
}

TEST_F(Http2DecoderTest, FramesOfTheConnectionAndUnknownOnesAreSkipped) {
  Feed(kClient, Request(1));
  for (const End end : {kClient, kServer}) {
    Feed(end, {Settings(Number(1, 2) + Number(0, 4)), Frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "")});
    Feed(end, {Frame(NGHTTP2_PING, 0, 0, "12345678"), Frame(NGHTTP2_WINDOW_UPDATE, 0, 1, Number(1, 4))});
    Feed(end,
         Frame(NGHTTP2_PRIORITY, 0, 1, Number(0, 5)) + Frame(NGHTTP2_GOAWAY, 0, 0, Number(1, 8) + "bye"));
    Feed(end, {Frame(0xfa, 0xff, 77, std::string(100'000, 'u')), Frame(0x0a, 0xff, 0, "")});
  }
  Feed(kClient, Data(1, GrpcMessage("after GOAWAY"), kEndStream));
  Feed(kServer, Trailers(1));
  EXPECT_EQ(call().status, 0);
  EXPECT_THAT(recorder_.gaps, IsEmpty());
  ExpectAlive();
}

TEST_F(Http2DecoderTest, HeaderTablesOfAnySizeUpToTheLimitNeedNoSettings) {
  limits_.header_table = Bytes(1'048'576);
  Restart();
  client_ = Encoder(2'000'000);
  for (const size_t size : {0, 1'048'576, 100, 4'096}) {
    client_.ResizeTable(size);
    Feed(kClient, Request(1, {{"x-big", std::string(50'000, 'b')}}));
    ExpectAlive(static_cast<uint32_t>(2 * recorder_.calls.size() + 1'001));
  }
  client_.ResizeTable(1'048'577);
  Feed(kClient, Request(4'001));
  ExpectLost("cannot be decoded");
}

// What ends decoding.

TEST_F(Http2DecoderTest, AnythingButThePreface) {
  for (const size_t wrong : {0, 5, 23}) {
    decoder_.reset();
    recorder_ = Recorder();
    decoder_ = std::make_unique<Http2Decoder>(&recorder_, &HeaderNames::Standard(), &limits_);
    std::string preface(kPreface);
    preface[wrong] ^= 1;
    Feed(kClient, preface);
    ExpectLost("no preface");
  }
}

TEST_F(Http2DecoderTest, AnythingButSettingsInFront) {
  const std::string preface(kPreface);
  const std::string ack = Frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "");
  for (const auto& [end, bytes] :
       {std::pair(kServer, std::string("HTTP/1.1 400 Bad Request\r\n\r\n")), std::pair(kServer, ack),
        std::pair(kClient, preface + Data(1, "x")), std::pair(kClient, preface + ack)}) {
    decoder_.reset();
    recorder_ = Recorder();
    decoder_ = std::make_unique<Http2Decoder>(&recorder_, &HeaderNames::Standard(), &limits_);
    Feed(end, bytes);
    ExpectLost("no SETTINGS");
  }
}

TEST_F(Http2DecoderTest, FramesOfStreamsWithoutAStream) {
  for (const std::string& frame : {Data(0, "x"), Request(0), RstStream(0, 0),
                                   Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 0, Number(2, 4))}) {
    Restart();
    Feed(kServer, frame);
    ExpectLost("without one");
  }
}

TEST_F(Http2DecoderTest, PaddingLongerThanTheFrame) {
  for (const bool too_long : {false, true}) {
    for (const uint8_t type : {NGHTTP2_DATA, NGHTTP2_HEADERS, NGHTTP2_PUSH_PROMISE}) {
      Restart();
      Feed(kClient, Request(1));
      const std::string prefix = type == NGHTTP2_PUSH_PROMISE ? Number(2, 4) : "";
      const std::string padding(too_long ? 9 : 10, '\0');
      Feed(kServer, Frame(type, kPadded | kEndHeaders, 1, Number(10, 1) + prefix + padding));
      if (too_long) {
        ExpectLost("padding longer");
      } else {
        ExpectAlive();
      }
    }
  }
}

TEST_F(Http2DecoderTest, FramesShorterThanTheirParts) {
  const uint8_t both = kPadded | kPriority | kEndHeaders;
  for (const std::string& frame :
       {Data(1, "", kPadded), Headers(1, "12345", both), Headers(1, "1234", kPriority | kEndHeaders),
        Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, "123")}) {
    Restart();
    Feed(kServer, frame);
    ExpectLost("shorter than its parts");
  }
  Restart();
  Feed(kServer, Headers(1, Number(0, 1) + "12345", both));
  ExpectAlive();
}

TEST_F(Http2DecoderTest, AResetOfAnotherLength) {
  for (const size_t size : {3, 5}) {
    Restart();
    Feed(kServer, Frame(NGHTTP2_RST_STREAM, 0, 1, std::string(size, '\0')));
    ExpectLost("RST_STREAM");
  }
}

TEST_F(Http2DecoderTest, AHeaderBlockThatIsInterrupted) {
  for (const std::string& frame : {Data(1, "x"), Frame(NGHTTP2_PING, 0, 0, "12345678"), Frame(0xfa, 0, 1, ""),
                                   Headers(1, "", 0), RstStream(1, 0), Continuation(3, "")}) {
    Restart();
    Feed(kClient, Headers(1, "", 0));
    EXPECT_FALSE(decoder_->lost());
    Feed(kClient, frame);
    ExpectLost("out of order");
  }
  Restart();
  Feed(kClient, Continuation(1, ""));
  ExpectLost("out of order");
}

TEST_F(Http2DecoderTest, ABrokenHeaderBlockAlsoOfAStreamNobodyKnows) {
  for (const std::string& frame :
       {Headers(1, "\xff\xff\xff\xff\xff\xff\xff"), Headers(99, "\xbe"), Headers(1, "\x40"),
        Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, Number(2, 4) + "\xbe")}) {
    Restart();
    Feed(kClient, Request(1));
    Feed(kServer, frame);
    ExpectLost("cannot be decoded");
    EXPECT_FALSE(call().status.has_value());
  }
}

TEST_F(Http2DecoderTest, AHeaderBlockAboveTheLimitWithItsContinuations) {
  const std::string block =
      Encoder().Encode({{":path", std::string(1'000, '\xff')}, {"x", std::string(9'000, '\xff')}});
  for (const size_t too_long : {0, 1}) {
    limits_.header_block = Bytes(block.size() - too_long);
    Restart();
    Feed(kClient, {Headers(1, block.substr(0, 5'000), 0), Continuation(1, block.substr(5'000))});
    if (too_long) {
      ExpectLost("above the limit");
      EXPECT_THAT(recorder_.calls, IsEmpty());
    } else {
      EXPECT_THAT(recorder_.calls, SizeIs(1));
      EXPECT_FALSE(decoder_->lost());
    }
  }
}

TEST_F(Http2DecoderTest, AGapGivesUpEveryCall) {
  Feed(kClient, {Request(1), Request(3)});
  Feed(kServer, Data(0, "x"));
  ExpectLost("without one");
  EXPECT_FALSE(call(0).status.has_value());
  EXPECT_FALSE(call(1).status.has_value());
  decoder_->Finish(kClient);
  decoder_->Finish(kServer);
}

// Cut anywhere.

TEST_F(Http2DecoderTest, AnySplitTellsTheSameCalls) {
  // A conversation with everything in it: who sends, and what.
  std::vector<std::pair<End, std::string>> talk = {{kClient, std::string(kPreface) + Settings()},
                                                   {kServer, Settings()}};
  Encoder client, server;
  const std::string pad(30, '\0');
  std::string block = client.Encode(kGrpcRequest);
  talk.emplace_back(kClient,
                    Headers(1, Number(30, 1) + "prio:" + block.substr(0, 9) + pad, kPadded | kPriority) +
                        Continuation(1, block.substr(9, 1), 0) + Continuation(1, block.substr(10)) +
                        Data(1, GrpcMessage("") + GrpcMessage("compressed", 1)));
  talk.emplace_back(kServer,
                    Headers(1, server.Encode({{":status", "103"}})) + Headers(1, server.Encode(kGrpcAnswer)));
  talk.emplace_back(
      kClient, Join({Headers(3, client.Encode(kHttp2Get), kEndHeaders | kEndStream),
                     Data(1, Number(30, 1) + GrpcMessage("padded") + pad, kPadded),
                     Headers(5, client.Encode(kGrpcRequest)), Data(5, GrpcMessage("part").substr(0, 7))}));
  block = server.Encode({{":path", "/pushed"}, {"fedcarbon-bin", std::string("\0\n\r", 3)}});
  talk.emplace_back(kServer,
                    Frame(NGHTTP2_PUSH_PROMISE, kPadded, 3, Number(30, 1) + Number(2, 4) + block + pad) +
                        Continuation(3, "") + Data(1, GrpcMessage("a") + GrpcMessage("b")) +
                        Headers(3, server.Encode({{":status", "404"}, {"content-encoding", "gzip"}})));
  talk.emplace_back(kClient, Join({RstStream(5, 8), Data(1, "", kEndStream)}));
  talk.emplace_back(kServer, Join({Data(5, "late"), Data(3, "not found"),
                                   Headers(1, server.Encode(kGrpcTrailers), kEndHeaders | kEndStream),
                                   Headers(3, server.Encode({{"x", "y"}}), kEndHeaders | kEndStream),
                                   Headers(5, server.Encode(kGrpcAnswer))}));
  talk.emplace_back(kClient, Headers(7, client.Encode(kGrpcRequest), kEndHeaders | kEndStream));
  talk.emplace_back(kServer,
                    Join({Headers(7, server.Encode(kGrpcAnswer)), RstStream(7, 2), Data(7, "late")}));

  const auto listen = [&](auto next_size) {
    auto recorder = std::make_unique<Recorder>();
    Http2Decoder decoder(recorder.get(), &HeaderNames::Standard(), &limits_);
    InPieces(talk, next_size, [&](End end, std::string_view piece) { decoder.Feed(end, piece); });
    return recorder;
  };
  const auto whole = listen([] { return 1'000'000; });
  ASSERT_THAT(whole->calls, SizeIs(4));
  ASSERT_THAT(whole->gaps, IsEmpty());
  std::vector<int> statuses;
  for (const auto& call : whole->calls) statuses.push_back(call->status.value_or(-1));
  ASSERT_THAT(statuses, ElementsAre(0, 12, 1, 1));

  std::mt19937 random(RandomSeed());
  for (int round = 0; round < 500; ++round) {
    const size_t longest = round == 0 ? 1 : 1 + random() % 60;
    const auto parts = listen([&] { return 1 + random() % longest; });
    ASSERT_THAT(parts->calls, SizeIs(whole->calls.size()));
    ASSERT_THAT(parts->gaps, IsEmpty());
    for (size_t i = 0; i < whole->calls.size(); ++i) ASSERT_EQ(*parts->calls[i], *whole->calls[i]) << i;
  }
}

}  // namespace
}  // namespace fedcarbon::node
