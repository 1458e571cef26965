// What the Meter is told of the bytes that pass.
#include "node/proxy/connection_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "fedcarbon/meter/call_context.h"
#include "node/frameworks/flower/flower.h"
#include "tests/unit/meter/collector.h"
#include "tests/unit/node/frameworks/flower_calls.h"
#include "tests/unit/node/wire/http2_frames.h"

namespace fedcarbon::node {
namespace {

using testing::Data;
using ::testing::ElementsAre;
using testing::Encoder;
using testing::Fields;
using testing::GrpcMessage;
using testing::Headers;
using ::testing::IsEmpty;
using testing::kEndHeaders;
using testing::kEndStream;
using testing::kPreface;
using testing::Settings;
using ::testing::SizeIs;

using TransportCount = ConnectionMeter::TransportCount;

const RoundId kRound{"flower:7", 3};

/// A connection of gRPC calls, by hand.
class ConnectionMeterTest : public ::testing::Test {
 protected:
  /// With options_ as they are now.
  void Begin() {
    connection_ = std::make_unique<ConnectionMeter>(*Route::Create(options_), meter_.meter, &flower_,
                                                    &rounds_, &metrics_, &gaps_);
    client_ = Encoder();
    server_ = Encoder();
    stream_ = 0;
  }

  /// A request's headers; the first one after the preface. Returns the size of its block.
  Bytes Ask(const Fields& more = {}, const std::string& path = "/fl.Fleet/Train") {
    if (stream_ == 0) {
      FromClient(std::string(kPreface) + Settings());
      FromServer(Settings());
    }
    stream_ = stream_ == 0 ? 1 : stream_ + 2;
    Fields fields = {{":method", "POST"},
                     {":scheme", "http"},
                     {":path", path},
                     {"te", "trailers"},
                     {"content-type", "application/grpc"}};
    fields.insert(fields.end(), more.begin(), more.end());
    const std::string block = client_.Encode(fields);
    FromClient(Headers(stream_, block));
    return Bytes(block.size());
  }

  /// The answer's trailers. Returns the size of their block.
  Bytes Trail(const Fields& more = {}, const std::string& status = "0") {
    Fields fields = {{"grpc-status", status}};
    fields.insert(fields.end(), more.begin(), more.end());
    const std::string block = server_.Encode(fields);
    FromServer(Headers(stream_, block, kEndHeaders | kEndStream));
    return Bytes(block.size());
  }

  /// The answer's headers and one message.
  void Answer(const std::string& message, uint8_t flag = 0) {
    FromServer(Headers(stream_, server_.Encode({{":status", "200"}, {"content-type", "application/grpc"}})));
    FromServer(Data(stream_, GrpcMessage(message, flag)));
  }

  /// A whole call: 100 bytes up, 50 down.
  void Call(const Fields& request = {}, const Fields& trailers = {}) {
    Ask(request);
    FromClient(Data(stream_, GrpcMessage(std::string(100, 'q')), kEndStream));
    Answer(std::string(50, 'a'));
    Trail(trailers);
  }

  void FromClient(const std::string& bytes) { connection_->Passed(End::kClient, bytes); }
  void FromServer(const std::string& bytes) { connection_->Passed(End::kServer, bytes); }

  std::vector<Transfer> Transfers() const { return meter_.sink->All<Transfer>(); }
  std::vector<Connection> Connections() const { return meter_.sink->All<Connection>(); }

  ManualMeter meter_;
  Flower flower_{meter_.meter};
  OpenRounds rounds_;
  ProxyMetrics metrics_;
  GapBook gaps_;
  ListenerOptions options_;
  std::unique_ptr<ConnectionMeter> connection_;
  Encoder client_, server_;
  uint32_t stream_ = 0;
};

// ---- Calls

TEST_F(ConnectionMeterTest, TellsOfACallAsTheClientsEndSeesIt) {
  options_.upstream_node = "aggregator";
  Begin();
  const absl::Time start = meter_.clock.Now();
  const Bytes request_block = Ask({{"grpc-previous-rpc-attempts", "2"}}, "/fl.Fleet/Train?secret=1");
  FromClient(Data(stream_, GrpcMessage(std::string(100, 'q'))));
  FromClient(Data(stream_, GrpcMessage("") + GrpcMessage(std::string(20, 'q')), kEndStream));
  meter_.clock.Advance(absl::Seconds(2));
  const std::string answer = server_.Encode({{":status", "200"}, {"content-type", "application/grpc"}});
  FromServer(Headers(stream_, answer));
  FromServer(Data(stream_, GrpcMessage(std::string(50, 'a'))));
  EXPECT_THAT(Transfers(), IsEmpty());
  const Bytes trailers = Trail({}, "5");

  const std::vector<Transfer> transfers = Transfers();
  ASSERT_THAT(transfers, SizeIs(1));
  const Transfer& call = transfers[0];
  EXPECT_NE(call.call_id, 0u);
  EXPECT_EQ(call.end, v1::END_CLIENT);
  EXPECT_EQ(call.observer, v1::OBSERVER_PROXY);
  EXPECT_EQ(call.attempt, 2u);
  EXPECT_EQ(call.peer, "aggregator");
  EXPECT_EQ(call.method, "/fl.Fleet/Train");
  EXPECT_EQ(call.round, RoundId());
  EXPECT_EQ(call.status, 5);
  EXPECT_TRUE(call.answered);
  EXPECT_EQ(call.start, start);
  EXPECT_EQ(call.duration, absl::Seconds(2));
  EXPECT_EQ(call.sent.messages, 3u);
  EXPECT_EQ(call.sent.message_bytes, Bytes(120));
  EXPECT_EQ(call.sent.encoded_bytes, Bytes(135));
  EXPECT_EQ(call.sent.header_bytes, request_block);
  EXPECT_EQ(call.sent.kind, v1::COUNT_KIND_WIRE);
  EXPECT_EQ(call.received.messages, 1u);
  EXPECT_EQ(call.received.message_bytes, Bytes(50));
  EXPECT_EQ(call.received.encoded_bytes, Bytes(55));
  EXPECT_EQ(call.received.header_bytes, Bytes(answer.size()) + trailers);

  EXPECT_EQ(metrics_.calls_started, 1u);
  EXPECT_EQ(metrics_.calls_ended, 1u);
  EXPECT_EQ(metrics_.messages_sent, 3u);
  EXPECT_EQ(metrics_.message_sent_bytes, 135u);
  EXPECT_EQ(metrics_.messages_received, 1u);
  EXPECT_EQ(metrics_.message_received_bytes, 55u);
}

TEST_F(ConnectionMeterTest, TellsOfACallAsTheServersEndSeesIt) {
  options_.side = v1::END_SERVER;
  Begin();
  Call();
  const std::vector<Transfer> transfers = Transfers();
  ASSERT_THAT(transfers, SizeIs(1));
  EXPECT_EQ(transfers[0].end, v1::END_SERVER);
  EXPECT_EQ(transfers[0].received.encoded_bytes, Bytes(105));
  EXPECT_EQ(transfers[0].sent.encoded_bytes, Bytes(55));
  EXPECT_EQ(metrics_.message_received_bytes, 105u);
  EXPECT_EQ(metrics_.message_sent_bytes, 55u);
}

TEST_F(ConnectionMeterTest, CountsNoMessageBytesWhereTheyAreCompressed) {
  Begin();
  Ask({{"grpc-encoding", "gzip"}});
  FromClient(Data(stream_, GrpcMessage(std::string(100, 'z'), /*flag=*/1), kEndStream));
  Trail();
  const std::vector<Transfer> transfers = Transfers();
  ASSERT_THAT(transfers, SizeIs(1));
  EXPECT_EQ(transfers[0].sent.messages, 1u);
  EXPECT_EQ(transfers[0].sent.message_bytes, std::nullopt);
  EXPECT_EQ(transfers[0].sent.encoded_bytes, Bytes(105));
  EXPECT_EQ(transfers[0].sent.kind, v1::COUNT_KIND_UNSPECIFIED);
}

TEST_F(ConnectionMeterTest, TellsWhatHadPassedOfACallThatWasCut) {
  Begin();
  Ask();
  FromClient(Data(stream_, GrpcMessage(std::string(100, 'q')).substr(0, 45)));
  connection_->Close({});
  const std::vector<Transfer> transfers = Transfers();
  ASSERT_THAT(transfers, SizeIs(1));
  EXPECT_EQ(transfers[0].status, 1);  // CANCELLED
  EXPECT_FALSE(transfers[0].answered);
  EXPECT_EQ(transfers[0].sent.messages, 0u);
  EXPECT_EQ(transfers[0].sent.encoded_bytes, Bytes(45));
  EXPECT_EQ(metrics_.calls_started, 1u);
  EXPECT_EQ(metrics_.calls_ended, 0u);
}

// ---- Rules

constexpr const char* kPullMessages = "/flwr.proto.Fleet/PullMessages";
const std::string kInstruction = testing::Message({testing::Id('a'), "", "3"});

TEST_F(ConnectionMeterTest, BooksAFrameworksCallByItsRule) {
  Begin();
  Ask({}, kPullMessages);
  FromClient(Data(stream_, GrpcMessage(testing::Node(7)), kEndStream));
  Answer(kInstruction);
  Trail();
  ASSERT_THAT(Transfers(), SizeIs(1));
  EXPECT_EQ(Transfers()[0].round, testing::Round(3));
}

TEST_F(ConnectionMeterTest, TheSameMessagesOfAnotherServiceAreOfNoRound) {
  Begin();
  for (const char* path : {"/flwr.proto.ServerAppIo/PullMessages", "/flwr.proto.Fleet2/PullMessages"}) {
    Ask({}, path);
    FromClient(Data(stream_, GrpcMessage(testing::Node(7)), kEndStream));
    Answer(kInstruction);
    Trail();
    EXPECT_EQ(Transfers().back().round, RoundId()) << path;
  }
}

TEST_F(ConnectionMeterTest, AMessageThatIsCompressedIsOfNoRound) {
  Begin();
  Ask({{"grpc-encoding", "gzip"}}, kPullMessages);
  FromClient(Data(stream_, GrpcMessage(testing::Node(7)), kEndStream));
  Answer(kInstruction, /*flag=*/1);
  Trail();
  ASSERT_THAT(Transfers(), SizeIs(1));
  EXPECT_EQ(Transfers()[0].round, RoundId());
  EXPECT_EQ(Transfers()[0].waste, v1::WASTE_UNSPECIFIED);
}

TEST_F(ConnectionMeterTest, AnErrorThatIsNoProtobufIsOfNoRound) {
  Begin();
  const auto answer = [&](const std::string& status, const std::string& type, const std::string& body) {
    const std::string request = testing::Node(7);
    FromClient("POST /v1/fleet/pull-messages HTTP/1.1\r\nhost: fl\r\ncontent-length: " +
               std::to_string(request.size()) + "\r\n\r\n" + request);
    FromServer("HTTP/1.1 " + status + "\r\ncontent-type: " + type +
               "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return Transfers().back();
  };
  for (const char* body : {"{\"detail\":\"unavailable\"}", "", "<html>Bad gateway</html>"}) {
    const Transfer transfer = answer("503 Service Unavailable", "application/json", body);
    EXPECT_EQ(transfer.round, RoundId()) << body;
    EXPECT_EQ(transfer.waste, v1::WASTE_UNSPECIFIED) << body;
    EXPECT_NE(transfer.status, 0) << body;
  }
  EXPECT_EQ(answer("200 OK", "application/protobuf", kInstruction).round, testing::Round(3));
}

TEST_F(ConnectionMeterTest, LooksForNoCallsWhereItIsToldNotTo) {
  options_.decode = false;
  Begin();
  Call();
  connection_->Close({Bytes(1), Bytes(2), 0, Bytes(0)});
  EXPECT_THAT(Transfers(), IsEmpty());
  ASSERT_THAT(Connections(), SizeIs(1));
  EXPECT_EQ(Connections()[0].sent, Bytes(1));
  EXPECT_EQ(metrics_.calls_started, 0u);
}

// ---- Run and round

TEST_F(ConnectionMeterTest, ReadsRunAndRoundFromTheHeadersThatAreNamed) {
  options_.run_header = "x-run";
  options_.round_header = "x-round";
  Begin();
  Call({{"x-run", "flower:7"}, {"x-round", "3"}});
  Call({{"x-run", "flower:7"}});
  Call({{"x-round", "0"}});
  Call({{"x-run", "no run/id"}, {"x-round", "9223372036854775807"}});
  Call({{"x-round", "9223372036854775808"}});  // one past the greatest round
  Call({{"x-round", "-1"}});
  Call();
  std::vector<RoundId> rounds;
  for (const Transfer& transfer : Transfers()) rounds.push_back(transfer.round);
  EXPECT_THAT(rounds, ElementsAre(kRound, RoundId{"flower:7", std::nullopt}, RoundId{"", 0},
                                  RoundId{"", 9223372036854775807u}, RoundId(), RoundId(), RoundId()));
}

TEST_F(ConnectionMeterTest, ReadsNoHeadersThatAreNotNamed) {
  Begin();
  Call({{"x-run", "flower:7"}, {"x-round", "3"}});
  ASSERT_THAT(Transfers(), SizeIs(1));
  EXPECT_EQ(Transfers()[0].round, RoundId());
}

// ---- A script at this node says its round to LocalService

const RoundId kLocal{"study", 1};
const RoundId kLater{"study", 2};

TEST_F(ConnectionMeterTest, BooksACallToTheRoundThatIsOpenWhenItStarts) {
  Begin();
  Call();
  rounds_.Enter(kLocal);
  Call();
  Ask();
  rounds_.Leave(kLocal);
  rounds_.Enter(kLater);
  FromClient(Data(stream_, GrpcMessage(std::string(100, 'q')), kEndStream));
  FromServer(Headers(stream_, server_.Encode({{":status", "200"}, {"content-type", "application/grpc"}})));
  FromServer(Data(stream_, GrpcMessage(std::string(50, 'a'))));
  Trail();
  Call();
  rounds_.Leave(kLater);
  Call();
  std::vector<RoundId> rounds;
  for (const Transfer& transfer : Transfers()) rounds.push_back(transfer.round);
  EXPECT_THAT(rounds, ElementsAre(RoundId(), kLocal, kLocal, kLater, RoundId()));
}

TEST_F(ConnectionMeterTest, BooksAMessageOfAStreamToTheRoundInWhichItBegins) {
  Begin();
  rounds_.Enter(kLocal);
  Ask();
  FromClient(Data(stream_, GrpcMessage(""), kEndStream));
  FromServer(Headers(stream_, server_.Encode({{":status", "200"}, {"content-type", "application/grpc"}})));
  FromServer(Data(stream_, GrpcMessage(std::string(10, 'a'))));
  const std::string begun = GrpcMessage(std::string(30, 'b'));
  FromServer(Data(stream_, begun.substr(0, 20)));
  rounds_.Leave(kLocal);
  FromServer(Data(stream_, begun.substr(20)));
  FromServer(Data(stream_, GrpcMessage(std::string(50, 'c'))));
  rounds_.Enter(kLater);
  FromServer(Data(stream_, GrpcMessage(std::string(70, 'd'))));
  Trail();
  const std::vector<Transfer> parts = Transfers();
  ASSERT_THAT(parts, SizeIs(3));
  EXPECT_EQ(parts[0].round, kLocal);
  EXPECT_EQ(parts[0].received.encoded_bytes, Bytes(10 + 30 + 2 * 5));
  EXPECT_EQ(parts[1].round, RoundId());
  EXPECT_EQ(parts[1].received.encoded_bytes, Bytes(50 + 5));
  EXPECT_EQ(parts[2].round, kLater);
  EXPECT_EQ(parts[2].received.encoded_bytes, Bytes(70 + 5));
  EXPECT_THAT(meter_.sink->All<Binding>(), IsEmpty());
}

TEST_F(ConnectionMeterTest, BooksNothingToRoundsThatDiffer) {
  Begin();
  rounds_.Enter(kLocal);
  rounds_.Enter(kLater);
  Call();
  rounds_.Enter(kRound);
  Call();
  ASSERT_THAT(Transfers(), SizeIs(2));
  EXPECT_EQ(Transfers()[0].round, (RoundId{"study", std::nullopt}));
  EXPECT_EQ(Transfers()[1].round, RoundId());
}

TEST_F(ConnectionMeterTest, PrefersAllThatACallSaysItselfToAScripts) {
  options_.run_header = "x-run";
  options_.round_header = "x-round";
  rounds_.Enter(kLocal);
  Begin();
  Call({{"x-run", "flower:7"}, {"x-round", "3"}});
  Call({{"x-run", "flower:7"}});
  Call({{kContextKey, absl::Base64Escape(EncodeContext(1, "hospital-a", kRound))}});
  // Its ends name it, or nobody does.
  Call({{kContextKey, absl::Base64Escape(EncodeContext(1, "hospital-a", {}))}});
  Call({{kContextKey, absl::Base64Escape(EncodeContext(1, "hospital-a", {}))}},
       {{kContextKey, absl::Base64Escape(EncodeContext(0, "aggregator", kRound))}});
  // A framework's rule knows better, also where it names no round.
  Ask({}, "/flwr.proto.Fleet/RegisterNode");
  FromClient(Data(stream_, "", kEndStream));
  Trail();
  std::vector<RoundId> rounds;
  for (const Transfer& transfer : Transfers()) rounds.push_back(transfer.round);
  EXPECT_THAT(rounds,
              ElementsAre(kRound, RoundId{"flower:7", std::nullopt}, kRound, RoundId(), kRound, RoundId()));
}

TEST_F(ConnectionMeterTest, BooksAServersCallsToo) {
  options_.side = v1::END_SERVER;
  rounds_.Enter(kLocal);
  Begin();
  Call();
  ASSERT_THAT(Transfers(), SizeIs(1));
  EXPECT_EQ(Transfers()[0].round, kLocal);
}

// ---- fedcarbon-bin: an interceptor of the application itself was there first

constexpr uint64_t kCallId = 0x1234'5678'9abc'def0;

/// As it travels: base64 with or without padding, or C-core's raw bytes behind a zero.
std::vector<std::string> Spellings(const std::string& context) {
  const std::string padded = absl::Base64Escape(context);
  return {padded, padded.substr(0, padded.find('=')), std::string(1, '\0') + context};
}

TEST_F(ConnectionMeterTest, IsASecondObserverOfACallThatHasAnId) {
  const std::string context = EncodeContext(kCallId, "hospital-a", kRound);
  ASSERT_EQ(absl::Base64Escape(context).back(), '=');  // or it would be spelled the same with padding
  for (const std::string& value : Spellings(context)) {
    Begin();
    Call({{kContextKey, value}});
    const Transfer call = Transfers().back();
    EXPECT_EQ(call.call_id, kCallId);
    EXPECT_EQ(call.observer, v1::OBSERVER_PROXY);
    EXPECT_EQ(call.round, kRound);
    EXPECT_EQ(call.peer, "");  // the client's own name is not its peer's
  }
  EXPECT_THAT(Transfers(), SizeIs(3));
}

TEST_F(ConnectionMeterTest, PrefersTheContextsRoundToTheHeaders) {
  options_.run_header = "x-run";
  options_.round_header = "x-round";
  Begin();
  const Fields headers = {{"x-run", "header"}, {"x-round", "1"}};
  const auto with = [&](const RoundId& round) {
    Fields all = headers;
    all.emplace_back(kContextKey, absl::Base64Escape(EncodeContext(kCallId, "hospital-a", round)));
    return all;
  };
  Call(with(kRound));
  Call(with({}));
  Call(with({"flower:7", std::nullopt}));  // knows less than the headers
  std::vector<RoundId> rounds;
  for (const Transfer& transfer : Transfers()) rounds.push_back(transfer.round);
  EXPECT_THAT(rounds, ElementsAre(kRound, RoundId{"header", 1}, RoundId{"header", 1}));
}

TEST_F(ConnectionMeterTest, IgnoresAContextThatCannotBeReadAndCountsIt) {
  Begin();
  const std::vector<std::string> bad = {"%%%", std::string("\0\xff", 2),
                                        absl::Base64Escape(EncodeContext(kCallId, "No Name", kRound))};
  for (const std::string& value : bad) Call({{kContextKey, value}});
  for (const Transfer& transfer : Transfers()) {
    EXPECT_NE(transfer.call_id, kCallId);
    EXPECT_EQ(transfer.round, RoundId());
  }
  meter_.meter->Sample();
  const std::vector<Gap> gaps = meter_.sink->All<Gap>();
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].facts, bad.size());
}

TEST_F(ConnectionMeterTest, LearnsRoundAndPeerFromTheAnswer) {
  Begin();
  const std::string asked = absl::Base64Escape(EncodeContext(kCallId, "hospital-a", {}));
  const std::string answered = absl::Base64Escape(EncodeContext(0, "aggregator", kRound));
  Call({{kContextKey, asked}}, {{kContextKey, answered}});
  Call();  // what one call has learned
  ASSERT_THAT(Transfers(), SizeIs(2));
  EXPECT_EQ(Transfers()[0].peer, "aggregator");
  EXPECT_EQ(Transfers()[0].round, kRound);
  EXPECT_EQ(Transfers()[0].call_id, kCallId);
  EXPECT_EQ(Transfers()[1].peer, "aggregator");
  EXPECT_EQ(Transfers()[1].round, RoundId());
  connection_->Close({});
  EXPECT_EQ(Connections()[0].peer, "aggregator");
}

TEST_F(ConnectionMeterTest, StaysWithTheNameThatTheConfigurationGives) {
  options_.upstream_node = "aggregator";
  Begin();
  Call({}, {{kContextKey, absl::Base64Escape(EncodeContext(0, "another", kRound))}});
  connection_->Close({});
  EXPECT_EQ(Transfers()[0].peer, "aggregator");
  EXPECT_EQ(Connections()[0].peer, "aggregator");
}

TEST_F(ConnectionMeterTest, KnowsAServersPeerFromEachRequest) {
  options_.side = v1::END_SERVER;
  Begin();
  const auto asked_by = [](const std::string& node) {
    return Fields{{kContextKey, absl::Base64Escape(EncodeContext(kCallId, node, {}))}};
  };
  Call(asked_by("hospital-a"));
  Call(asked_by("hospital-b"));  // a connection may carry several nodes' calls
  Call();
  connection_->Close({});
  std::vector<std::string> peers;
  for (const Transfer& transfer : Transfers()) peers.push_back(transfer.peer);
  EXPECT_THAT(peers, ElementsAre("hospital-a", "hospital-b", "hospital-a"));
  EXPECT_EQ(Connections()[0].peer, "hospital-a");
}

TEST_F(ConnectionMeterTest, TakesTheRoundThatTheServersAnswerNames) {
  options_.side = v1::END_SERVER;
  Begin();
  Call({{kContextKey, absl::Base64Escape(EncodeContext(kCallId, "hospital-a", {}))}},
       {{kContextKey, absl::Base64Escape(EncodeContext(0, "aggregator", kRound))}});
  ASSERT_THAT(Transfers(), SizeIs(1));
  EXPECT_EQ(Transfers()[0].round, kRound);
  EXPECT_EQ(Transfers()[0].peer, "hospital-a");
}

TEST_F(ConnectionMeterTest, KnowsAServersPeerFromItsCertificate) {
  options_.side = v1::END_SERVER;
  Begin();
  connection_->SetClientName("hospital-a");
  Call();
  connection_->Close({});
  EXPECT_EQ(Transfers()[0].peer, "hospital-a");
  EXPECT_EQ(Connections()[0].peer, "hospital-a");

  // At a client's end the client's certificate is not the peer's.
  options_.side = v1::END_CLIENT;
  Begin();
  connection_->SetClientName("hospital-a");
  Call();
  connection_->Close({});
  EXPECT_EQ(Transfers()[1].peer, "");
  EXPECT_EQ(Connections()[1].peer, "");
}

// ---- What cannot be read

TEST_F(ConnectionMeterTest, RecordsAGapForAProtocolThatNobodyKnows) {
  Begin();
  const absl::Time began = meter_.clock.Now();
  FromClient("\x01\x02\x03\x04 what is this");
  FromServer("no idea");
  meter_.clock.Advance(absl::Seconds(5));
  connection_->Close({Bytes(17), Bytes(7), 0, Bytes(0)});

  const std::vector<Gap> gaps = gaps_.Take();
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].reason, v1::Gap::REASON_DECODER);
  EXPECT_EQ(gaps[0].detail, "protocol not recognised");
  EXPECT_EQ(gaps[0].facts, 1u);
  EXPECT_EQ(gaps[0].bytes, Bytes(17 + 7));
  EXPECT_EQ(gaps[0].from, began);
  EXPECT_EQ(gaps[0].to, began + absl::Seconds(5));
  EXPECT_EQ(metrics_.gaps, 1u);
  EXPECT_EQ(metrics_.undecoded_bytes, 24u);
  ASSERT_THAT(Connections(), SizeIs(1));
  EXPECT_EQ(Connections()[0].protocol, "unknown");
}

TEST_F(ConnectionMeterTest, NamesTheProtocol) {
  const std::vector<std::pair<std::string, std::string>> beginnings = {{std::string(kPreface), "h2"},
                                                                       {"GET / HTTP/1.1\r\n\r\n", "http/1.1"},
                                                                       {"\x16\x03\x01", "tls"},
                                                                       {"", "unknown"}};
  for (const auto& [bytes, protocol] : beginnings) {
    Begin();
    FromClient(bytes);
    connection_->Finished(End::kClient);
    connection_->Close({});
    EXPECT_EQ(Connections().back().protocol, protocol);
  }
  EXPECT_EQ(metrics_.gaps, 0u);  // not a word is nothing lost
  EXPECT_THAT(gaps_.Take(), IsEmpty());
}

// ---- The connection itself

TEST_F(ConnectionMeterTest, ClosesAPartOnceBytesHaveMovedForTheInterval) {
  const absl::Duration interval = absl::Seconds(10);
  options_.upstream_node = "aggregator";
  Begin();
  meter_.clock.Advance(absl::Hours(1));
  connection_->Sweep({});  // nothing has moved
  const absl::Time moved = meter_.clock.Now();
  EXPECT_THAT(Connections(), IsEmpty());

  connection_->Sweep({Bytes(10), Bytes(0), 1, Bytes(0)});  // from here on
  meter_.clock.Advance(interval - absl::Nanoseconds(1));
  connection_->Sweep({Bytes(20), Bytes(5), 1, Bytes(0)});
  EXPECT_THAT(Connections(), IsEmpty());
  meter_.clock.Advance(absl::Nanoseconds(1));
  connection_->Sweep({Bytes(30), Bytes(5), 1, Bytes(0)});
  ASSERT_THAT(Connections(), SizeIs(1));

  meter_.clock.Advance(absl::Hours(1));
  connection_->Sweep({Bytes(30), Bytes(5), 1, Bytes(0)});  // idle: no part
  connection_->Sweep({Bytes(30), Bytes(6), 1, Bytes(0)});
  meter_.clock.Advance(interval);
  connection_->Sweep({Bytes(30), Bytes(7), 1, Bytes(0)});
  ASSERT_THAT(Connections(), SizeIs(2));
  meter_.clock.Advance(absl::Seconds(1));
  connection_->Close({Bytes(31), Bytes(7), 1, Bytes(4)});

  const std::vector<Connection> parts = Connections();
  ASSERT_THAT(parts, SizeIs(3));
  for (size_t i = 0; i < parts.size(); ++i) {
    EXPECT_NE(parts[i].id, 0u);
    EXPECT_EQ(parts[i].id, parts[0].id);
    EXPECT_EQ(parts[i].part, i);
    EXPECT_EQ(parts[i].peer, "aggregator");
    EXPECT_EQ(parts[i].end, v1::END_CLIENT);
  }
  EXPECT_EQ(parts[0].start, moved);
  EXPECT_EQ(parts[0].duration, interval);
  EXPECT_EQ(parts[0].sent, Bytes(30));
  EXPECT_EQ(parts[0].received, Bytes(5));
  EXPECT_EQ(parts[0].handshakes, 1u);
  EXPECT_EQ(parts[1].start, parts[0].start + parts[0].duration + absl::Hours(1));
  EXPECT_EQ(parts[1].duration, interval);
  EXPECT_EQ(parts[1].sent, Bytes(0));
  EXPECT_EQ(parts[1].received, Bytes(2));
  EXPECT_EQ(parts[1].handshakes, 0u);
  EXPECT_EQ(parts[2].start, parts[1].start + parts[1].duration);
  EXPECT_EQ(parts[2].duration, absl::Seconds(1));
  EXPECT_EQ(parts[2].sent, Bytes(1));
  EXPECT_EQ(parts[2].received, Bytes(0));
  EXPECT_EQ(parts[2].retransmitted, Bytes(4));
}

}  // namespace
}  // namespace fedcarbon::node
