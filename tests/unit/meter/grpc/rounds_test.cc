// Run and round: who names them, how they travel, and what is booked where.
#include <grpcpp/generic/generic_stub.h>

#include "absl/synchronization/notification.h"
#include "fedcarbon/meter/call_context.h"
#include "fedcarbon/meter/call_observer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/meter/grpc/echo_client.h"
#include "tests/unit/meter/grpc/echo_server.h"
#include "tests/unit/meter/grpc/handlers.h"
#include "tests/unit/meter/grpc/metered_node.h"

namespace fedcarbon::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

RoundId HeartRound(uint64_t number) { return {"heart:1", number}; }

std::vector<std::string> Contexts(const Metadata& metadata) {
  std::vector<std::string> values;
  const auto range = metadata.equal_range(kContextKey);
  for (auto it = range.first; it != range.second; ++it) {
    values.emplace_back(it->second.data(), it->second.size());
  }
  return values;
}

grpc::Status ReadAll(grpc::ServerContext*, Handlers::Stream* stream) {
  Payload request;
  while (stream->Read(&request)) {
  }
  return grpc::Status::OK;
}

class RoundsTest : public testing::Test {
 protected:
  RoundsTest() {
    handlers_.unary = [this](grpc::ServerContext* context, const Payload& request, Payload* answer) {
      *answer = request;
      at_server_ = Contexts(context->client_metadata());
      if (named_.has_value()) SetRound(context, *named_);
      return status_;
    };
  }

  void Serve(const CallInterceptorOptions& options = {}) {
    server_ = std::make_unique<ServiceServer>(&handlers_, aggregator_.meter, options);
  }
  std::shared_ptr<grpc::Channel> Channel(const CallInterceptorOptions& options = {}) {
    return CreateMeteredChannel(server_->address(), grpc::InsecureChannelCredentials(), hospital_.meter,
                                options);
  }
  void CallUnary(grpc::ClientContext* context, const CallInterceptorOptions& options = {}) {
    if (server_ == nullptr) Serve();
    Call(ClientStyle::kSync, Method::kUnary, Channel(options), context, {Data(10)});
  }
  void CallUnary() {
    grpc::ClientContext context;
    CallUnary(&context);
  }
  Transfer AtClient() { return hospital_.facts->Await<Transfer>(1).at(0); }
  Transfer AtServer() { return aggregator_.facts->Await<Transfer>(1).at(0); }

  Handlers handlers_;
  std::optional<RoundId> named_;  // by the handler
  grpc::Status status_;
  std::vector<std::string> at_server_;  // values of the key that the handler saw
  MeteredNode hospital_{"hospital.test"};
  MeteredNode aggregator_{"aggregator.test"};
  std::unique_ptr<ServiceServer> server_;
};

TEST_F(RoundsTest, ClientsScopeReachesTheServer) {
  RoundScope scope(HeartRound(3));
  CallUnary();
  EXPECT_EQ(AtClient().round, HeartRound(3));
  EXPECT_EQ(AtServer().round, HeartRound(3));
}

TEST_F(RoundsTest, ClientOutsideAnyScopeLearnsTheRoundFromTheAnswer) {
  named_ = HeartRound(7);
  CallUnary();
  EXPECT_EQ(AtClient().round, HeartRound(7));
  EXPECT_EQ(AtServer().round, HeartRound(7));
}

TEST_F(RoundsTest, FailedCallLearnsTheRoundToo) {
  named_ = HeartRound(7);
  status_ = grpc::Status(grpc::StatusCode::UNAVAILABLE, "busy");
  CallUnary();
  EXPECT_EQ(AtClient().round, HeartRound(7));
  EXPECT_TRUE(AtClient().answered);
}

TEST_F(RoundsTest, RoundZeroIsARound) {
  {
    RoundScope scope(HeartRound(0));
    CallUnary();
  }
  named_ = HeartRound(0);
  CallUnary();
  for (const MeteredNode* node : {&hospital_, &aggregator_}) {
    const auto transfers = node->facts->Await<Transfer>(2);
    ASSERT_THAT(transfers, SizeIs(2));
    EXPECT_EQ(transfers[0].round, HeartRound(0));
    EXPECT_EQ(transfers[1].round, HeartRound(0));
  }
}

TEST_F(RoundsTest, UnknownRoundStaysUnknown) {
  CallUnary();
  EXPECT_EQ(AtClient().round, RoundId());
  EXPECT_EQ(AtServer().round, RoundId());
}

TEST_F(RoundsTest, RequestsRoundCountsWhereTheServersDiffers) {
  named_ = HeartRound(4);
  RoundScope scope(HeartRound(3));
  CallUnary();
  EXPECT_EQ(AtClient().round, HeartRound(3));
  EXPECT_EQ(AtServer().round, HeartRound(3));
}

TEST_F(RoundsTest, ClientNamesTheRoundBesideARunningCall) {
  handlers_.bidi_stream = ReadAll;
  Serve();
  const auto stub = Echo::NewStub(Channel());
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  ASSERT_TRUE(stream->Write(Data(10)));
  SetRound(&context, HeartRound(5));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(AtClient().round, HeartRound(5));
}

TEST_F(RoundsTest, NamingTheRoundOfAnUnmeteredCallDoesNothing) {
  const grpc::ClientContext client;
  SetRound(&client, HeartRound(1));
  const grpc::ServerContext server;
  SetRound(&server, HeartRound(1));
}

// The client names each round by a scope, the server by SetRound; a message each way in every round.
TEST_F(RoundsTest, LongStreamIsBookedToItsFiveRoundsBeforeItEnds) {
  Counts received[5];
  handlers_.bidi_stream = [&](grpc::ServerContext* context, Handlers::Stream* stream) {
    for (uint64_t round = 0; round < 5; ++round) {
      SetRound(context, HeartRound(round));
      Payload request;
      EXPECT_TRUE(stream->Read(&request));
      received[round].Add(request);
      EXPECT_TRUE(stream->Write(Data(request.data().size() * 2)));
    }
    Payload request;
    EXPECT_FALSE(stream->Read(&request));
    return grpc::Status::OK;
  };
  Serve();
  const auto stub = Echo::NewStub(Channel());
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  Counts sent[5], answers[5];
  for (uint64_t round = 0; round < 5; ++round) {
    RoundScope scope(HeartRound(round));
    const Payload request = Data(100 + round);
    sent[round].Add(request);
    ASSERT_TRUE(stream->Write(request));
    Payload answer;
    ASSERT_TRUE(stream->Read(&answer));
    answers[round].Add(answer);
  }
  // Four rounds are visible while the call goes on.
  EXPECT_THAT(hospital_.facts->Await<Transfer>(4), SizeIs(4));
  EXPECT_THAT(aggregator_.facts->Await<Transfer>(4), SizeIs(4));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());

  const auto at_client = hospital_.facts->Await<Transfer>(5);
  const auto at_server = aggregator_.facts->Await<Transfer>(5);
  ASSERT_THAT(at_client, SizeIs(5));
  ASSERT_THAT(at_server, SizeIs(5));
  for (uint64_t round = 0; round < 5; ++round) {
    SCOPED_TRACE(round);
    EXPECT_EQ(at_client[round].round, HeartRound(round));
    EXPECT_EQ(at_server[round].round, HeartRound(round));
    EXPECT_EQ(at_client[round].part, round);
    EXPECT_EQ(CountsOf(at_client[round].sent), sent[round]);
    EXPECT_EQ(CountsOf(at_client[round].received), answers[round]);
    EXPECT_EQ(CountsOf(at_server[round].received), received[round]);
    EXPECT_EQ(CountsOf(at_server[round].sent), answers[round]);
  }
  const auto answer = Contexts(context.GetServerTrailingMetadata());
  ASSERT_THAT(answer, SizeIs(1));
  const auto decoded = DecodeContext(answer[0]);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->run(), "");
  EXPECT_FALSE(decoded->has_round());
}

// The scope counts where an operation is started, not where its tag comes out.
TEST_F(RoundsTest, QueueClientsMessagesBelongToTheScopeTheyAreStartedIn) {
  handlers_.bidi_stream = ReadAll;
  Serve();
  const auto stub = Echo::NewStub(Channel());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto stream = stub->AsyncBidiStream(&context, &queue, nullptr);
  ASSERT_TRUE(wait());
  for (uint64_t round = 1; round <= 2; ++round) {
    {
      RoundScope scope(HeartRound(round));
      stream->Write(Data(10), nullptr);
    }
    ASSERT_TRUE(wait());
  }
  stream->WritesDone(nullptr);
  ASSERT_TRUE(wait());
  grpc::Status status;
  stream->Finish(&status, nullptr);
  ASSERT_TRUE(wait());
  EXPECT_TRUE(status.ok());
  queue.Shutdown();
  const auto transfers = hospital_.facts->Await<Transfer>(2);
  ASSERT_THAT(transfers, SizeIs(2));
  EXPECT_EQ(transfers[0].round, HeartRound(1));
  EXPECT_EQ(transfers[1].round, HeartRound(2));
}

TEST_F(RoundsTest, UnaryAnswerTravelsInTrailingMetadataOnly) {
  named_ = HeartRound(7);
  grpc::ClientContext context;
  CallUnary(&context);
  EXPECT_THAT(Contexts(context.GetServerInitialMetadata()), IsEmpty());
  const auto answer = Contexts(context.GetServerTrailingMetadata());
  ASSERT_THAT(answer, SizeIs(1));
  const auto decoded = DecodeContext(answer[0]);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->node(), "aggregator.test");
  EXPECT_EQ(RoundOf(*decoded), HeartRound(7));
  EXPECT_EQ(decoded->call_id(), 0);
}

TEST_F(RoundsTest, BytesOfTheKeyAreCountedWhereTheyAreSent) {
  grpc::ClientContext context;
  CallUnary(&context);
  AtServer();
  constexpr size_t kKeySize = 13;  // "fedcarbon-bin"
  const auto answer = Contexts(context.GetServerTrailingMetadata());
  ASSERT_THAT(answer, SizeIs(1));
  ASSERT_THAT(at_server_, SizeIs(1));
  hospital_.meter->Sample();
  aggregator_.meter->Sample();
  ASSERT_THAT(hospital_.facts->All<Overhead>(), SizeIs(1));
  ASSERT_THAT(aggregator_.facts->All<Overhead>(), SizeIs(1));
  EXPECT_EQ(hospital_.facts->All<Overhead>()[0].context, Bytes(kKeySize + at_server_[0].size()));
  EXPECT_EQ(aggregator_.facts->All<Overhead>()[0].context, Bytes(kKeySize + answer[0].size()));
}

TEST_F(RoundsTest, KeyThatIsTurnedOffIsNeitherSentNorAnswered) {
  named_ = HeartRound(7);
  CallInterceptorOptions quiet;
  quiet.send_context = false;
  grpc::ClientContext context;
  RoundScope scope(HeartRound(3));
  CallUnary(&context, quiet);
  EXPECT_THAT(at_server_, IsEmpty());
  EXPECT_THAT(Contexts(context.GetServerTrailingMetadata()), IsEmpty());
  EXPECT_EQ(AtClient().round, HeartRound(3));
  EXPECT_EQ(AtServer().round, HeartRound(7));
  EXPECT_EQ(AtClient().peer, "");
  EXPECT_EQ(AtServer().peer, "");
  EXPECT_NE(AtServer().call_id, 0);
  EXPECT_NE(AtServer().call_id, AtClient().call_id);
}

TEST_F(RoundsTest, ServerThatDoesNotAnswerStillReadsTheKey) {
  CallInterceptorOptions quiet;
  quiet.send_context = false;
  Serve(quiet);
  grpc::ClientContext context;
  RoundScope scope(HeartRound(3));
  CallUnary(&context);
  EXPECT_THAT(Contexts(context.GetServerTrailingMetadata()), IsEmpty());
  EXPECT_EQ(AtServer().round, HeartRound(3));
  EXPECT_EQ(AtServer().peer, "hospital.test");
}

TEST_F(RoundsTest, KeyHandedOnFromAnotherCallIsReplaced) {
  grpc::ClientContext context;
  context.AddMetadata(kContextKey, EncodeContext(1, "other.test", HeartRound(9)));
  CallUnary(&context);
  ASSERT_THAT(at_server_, SizeIs(1));
  EXPECT_EQ(AtServer().peer, "hospital.test");
  EXPECT_EQ(AtServer().call_id, AtClient().call_id);
  EXPECT_EQ(AtServer().round, RoundId());
}

TEST_F(RoundsTest, UnreadableKeysAreIgnoredAndBecomeAGap) {
  Serve();
  v1::CallContext newer;
  newer.set_version(2);
  newer.set_node("hospital.test");
  v1::CallContext beyond;
  beyond.set_version(1);
  beyond.set_node("hospital.test");
  beyond.set_round(kMaxRound + 1);
  const std::string bad[] = {"no protobuf",
                             beyond.SerializeAsString(),
                             newer.SerializeAsString(),
                             EncodeContext(1, "No Name!", {}),
                             EncodeContext(1, "hospital.test", {"r\xc3\xbcn", 1}),
                             std::string(1025, 'x')};
  const auto channel = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  for (const std::string& value : bad) {
    grpc::ClientContext context;
    context.AddMetadata(kContextKey, value);
    EXPECT_TRUE(Call(ClientStyle::kSync, Method::kUnary, channel, &context, {Data(10)}).status.ok());
  }
  const auto transfers = aggregator_.facts->Await<Transfer>(std::size(bad));
  ASSERT_THAT(transfers, SizeIs(std::size(bad)));
  for (const Transfer& transfer : transfers) {
    EXPECT_EQ(transfer.peer, "");
    EXPECT_EQ(transfer.round, RoundId());
    EXPECT_EQ(transfer.received.messages, 1);
  }
  aggregator_.meter->Sample();
  const auto gaps = aggregator_.facts->All<Gap>();
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].reason, v1::Gap::REASON_BAD_CONTEXT);
  EXPECT_EQ(gaps[0].facts, std::size(bad));
}

TEST_F(RoundsTest, DisabledMeterLeavesNoTrace) {
  const auto off = Meter::Disabled();
  ServiceServer server(&handlers_, off);
  const auto channel = CreateMeteredChannel(server.address(), grpc::InsecureChannelCredentials(), off);
  grpc::ClientContext context;
  EXPECT_TRUE(Call(ClientStyle::kSync, Method::kUnary, channel, &context, {Data(10)}).status.ok());
  EXPECT_THAT(at_server_, IsEmpty());
  EXPECT_THAT(Contexts(context.GetServerTrailingMetadata()), IsEmpty());
}

TEST_F(RoundsTest, OtherChannelsOfTheProcessAreNotMetered) {
  Serve();
  Channel();
  const auto channel = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  EXPECT_TRUE(Call(ClientStyle::kSync, Method::kUnary, channel, &context, {Data(10)}).status.ok());
  AtServer();
  EXPECT_THAT(at_server_, IsEmpty());
  EXPECT_THAT(hospital_.facts->All<Transfer>(), IsEmpty());
}

// What the node's proxy does with the same call: it reads the key that passes, and observes for itself.
class SecondObserver final : public grpc::experimental::Interceptor {
 public:
  SecondObserver(std::shared_ptr<Meter> meter, std::string method)
      : meter_(std::move(meter)), method_(std::move(method)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using Hook = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Hook::POST_RECV_INITIAL_METADATA)) {
      const auto context = DecodeContext(Contexts(*methods->GetRecvInitialMetadata()).at(0));
      CallStart start;
      start.call_id = context->call_id();
      start.end = v1::END_SERVER;
      start.observer = v1::OBSERVER_PROXY;
      start.method = method_;
      call_ = meter_->StartCall(start);
    }
    if (methods->QueryInterceptionHookPoint(Hook::PRE_SEND_STATUS)) call_->End(0);
    methods->Proceed();
  }

 private:
  const std::shared_ptr<Meter> meter_;
  const std::string method_;
  std::shared_ptr<CallObserver> call_;
};

struct SecondObserverFactory final : grpc::experimental::ServerInterceptorFactoryInterface {
  explicit SecondObserverFactory(std::shared_ptr<Meter> the_meter) : meter(std::move(the_meter)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    return new SecondObserver(meter, info->method());
  }
  const std::shared_ptr<Meter> meter;
};

TEST_F(RoundsTest, TwoObserversOfOneEndShareTheCallId) {
  CallInterceptorOptions options;
  options.server_interceptors.push_back(
      [&] { return std::make_unique<SecondObserverFactory>(aggregator_.meter); });
  Serve(options);
  CallUnary();
  const auto transfers = aggregator_.facts->Await<Transfer>(2);
  ASSERT_THAT(transfers, SizeIs(2));
  EXPECT_EQ(transfers[0].call_id, AtClient().call_id);
  EXPECT_EQ(transfers[1].call_id, AtClient().call_id);
  EXPECT_NE(transfers[0].observer, transfers[1].observer);
}

}  // namespace
}  // namespace fedcarbon::test
