// Both ends of a call must name the same edge, also in parts that are recorded before the call's end.
#include <atomic>

#include "absl/synchronization/notification.h"
#include "fedcarbon/meter/call_context.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/meter/grpc/echo_client.h"
#include "tests/unit/meter/grpc/echo_server.h"
#include "tests/unit/meter/grpc/handlers.h"
#include "tests/unit/meter/grpc/metered_node.h"

namespace fedcarbon::test {
namespace {

using testing::Each;
using testing::Field;
using testing::SizeIs;

using ClientStream = grpc::ClientReaderWriter<Payload, Payload>;

RoundId Round(uint64_t number) { return {"heart:1", number}; }

class PeersTest : public testing::Test {
 protected:
  PeersTest() {
    handlers_.unary = [](grpc::ServerContext*, const Payload& request, Payload* answer) {
      *answer = request;
      return grpc::Status::OK;
    };
    handlers_.bidi_stream = [](grpc::ServerContext*, Handlers::Stream* stream) {
      Payload request;
      while (stream->Read(&request)) stream->Write(request);
      return grpc::Status::OK;
    };
  }

  std::unique_ptr<Echo::Stub> StubOf(const ServiceServer& server) {
    return Echo::NewStub(
        CreateMeteredChannel(server.address(), grpc::InsecureChannelCredentials(), hospital_.meter));
  }
  static void Exchange(ClientStream* stream, uint64_t round) {
    const RoundScope scope(Round(round));
    Payload answer;
    ASSERT_TRUE(stream->Write(Data(10)));
    ASSERT_TRUE(stream->Read(&answer));
  }
  std::vector<Transfer> AtClient(size_t count) { return hospital_.facts->Await<Transfer>(count); }

  Handlers handlers_;
  MeteredNode hospital_{"hospital.test"};
  MeteredNode aggregator_{"aggregator.test"};
};

TEST_F(PeersTest, EveryPartOfAChannelsFirstStreamNamesTheServer) {
  const ServiceServer server(&handlers_, aggregator_.meter);
  const auto stub = StubOf(server);
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  for (uint64_t round = 0; round < 5; ++round) Exchange(stream.get(), round);
  EXPECT_THAT(AtClient(4), SizeIs(4)) << "recorded before the end";
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(AtClient(5), SizeIs(5));
  EXPECT_THAT(AtClient(5), Each(Field(&Transfer::peer, "aggregator.test")));
}

TEST_F(PeersTest, PartsThatAreClosedBeforeTheFirstAnswerNameTheServer) {
  handlers_.bidi_stream = [](grpc::ServerContext*, Handlers::Stream* stream) {
    Payload request;
    for (int i = 0; i < 3; ++i) stream->Read(&request);
    stream->Write(request);
    while (stream->Read(&request)) {
    }
    return grpc::Status::OK;
  };
  const ServiceServer server(&handlers_, aggregator_.meter);
  const auto stub = StubOf(server);
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  for (uint64_t round = 0; round < 3; ++round) {
    const RoundScope scope(Round(round));
    ASSERT_TRUE(stream->Write(Data(10)));
  }
  Payload answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_THAT(AtClient(2), SizeIs(2));
  context.TryCancel();
  stream->Finish();
  EXPECT_THAT(AtClient(3), SizeIs(3));
  EXPECT_THAT(AtClient(3), Each(Field(&Transfer::peer, "aggregator.test")));
}

TEST_F(PeersTest, StreamThatTheClientCancelsAfterAMessageNamesTheServer) {
  const ServiceServer server(&handlers_, aggregator_.meter);
  const auto stub = StubOf(server);
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  Exchange(stream.get(), 0);
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_THAT(AtClient(1), SizeIs(1));
  EXPECT_EQ(AtClient(1).at(0).peer, "aggregator.test");
}

TEST_F(PeersTest, UnmeteredServersStreamShowsItsPartsBeforeItEnds) {
  const ServiceServer server(&handlers_, Meter::Disabled());
  const auto stub = StubOf(server);
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  for (uint64_t round = 0; round < 3; ++round) Exchange(stream.get(), round);
  EXPECT_THAT(AtClient(2), SizeIs(2));
  EXPECT_THAT(AtClient(2), Each(Field(&Transfer::peer, "")));
  context.TryCancel();
  stream->Finish();
}

TEST_F(PeersTest, CallWithoutAnAnswerNamesTheNodeThatAnsweredTheChannelLast) {
  absl::Notification called, over;
  handlers_.bidi_stream = [&](grpc::ServerContext*, Handlers::Stream*) {
    called.Notify();
    over.WaitForNotification();
    return grpc::Status::OK;
  };
  const ServiceServer server(&handlers_, aggregator_.meter);
  const auto stub = StubOf(server);
  {
    grpc::ClientContext context;
    Payload answer;
    ASSERT_TRUE(stub->Unary(&context, Data(10), &answer).ok());
  }
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  ASSERT_TRUE(stream->Write(Data(10)));
  called.WaitForNotification();
  context.TryCancel();
  stream->Finish();
  over.Notify();
  EXPECT_THAT(AtClient(2), SizeIs(2));
  EXPECT_THAT(AtClient(2), Each(Field(&Transfer::peer, "aggregator.test")));
}

TEST_F(PeersTest, FirstMessageOfAStreamCarriesTheServersNameAndNoRound) {
  const ServiceServer server(&handlers_, aggregator_.meter);
  const auto stub = StubOf(server);
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  Exchange(stream.get(), 0);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  const auto& initial = context.GetServerInitialMetadata();
  ASSERT_EQ(initial.count(kContextKey), 1);
  const grpc::string_ref value = initial.find(kContextKey)->second;
  const auto answer = DecodeContext({value.data(), value.size()});
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->node(), "aggregator.test");
  EXPECT_EQ(RoundOf(*answer), RoundId());
}

TEST_F(PeersTest, StrangerDoesNotLearnTheServersName) {
  const ServiceServer server(&handlers_, aggregator_.meter);
  const auto stub = Echo::NewStub(grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  Exchange(stream.get(), 0);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(context.GetServerInitialMetadata().count(kContextKey), 0);
  EXPECT_EQ(context.GetServerTrailingMetadata().count(kContextKey), 0);
}

// A server answers with trailing metadata alone ("trailers-only") when a stream fails before its first
// message; initial metadata would commit the client to that attempt.
TEST_F(PeersTest, StreamThatFailsBeforeItsFirstMessageIsTrailersOnlyAndRetried) {
  std::atomic<int> handled = 0;
  handlers_.bidi_stream = [&](grpc::ServerContext*, Handlers::Stream* stream) {
    Payload request;
    stream->Read(&request);
    if (++handled < 3) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "busy");
    stream->Write(request);
    return grpc::Status::OK;
  };
  const ServiceServer server(&handlers_, aggregator_.meter);
  {
    const auto stub = StubOf(server);
    grpc::ClientContext context;
    const auto stream = stub->BidiStream(&context);
    stream->Write(Data(10));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(context.GetServerInitialMetadata().count(kContextKey), 0);
    EXPECT_EQ(context.GetServerTrailingMetadata().count(kContextKey), 1);
    EXPECT_EQ(AtClient(1).at(0).peer, "aggregator.test");
  }
  handled = 0;
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(R"({"methodConfig": [{"name": [{}], "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1,
      "retryableStatusCodes": ["UNAVAILABLE"]}}]})");
  const auto stub = Echo::NewStub(CreateMeteredChannel(server.address(), grpc::InsecureChannelCredentials(),
                                                       hospital_.meter, {}, arguments));
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  Exchange(stream.get(), 0);
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(handled, 3);
}

}  // namespace
}  // namespace fedcarbon::test
