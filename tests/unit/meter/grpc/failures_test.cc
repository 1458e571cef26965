// Calls that do not end well: what README.md of lib/fedcarbon/meter says is counted, and nothing that gRPC
// does is disturbed.
#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/meter/grpc/byte_buffer.h"
#include "tests/unit/meter/grpc/echo_client.h"
#include "tests/unit/meter/grpc/echo_server.h"
#include "tests/unit/meter/grpc/handlers.h"
#include "tests/unit/meter/grpc/metered_node.h"

namespace fedcarbon::test {
namespace {

using testing::ElementsAre;

// A TCP port of 127.0.0.1 that nobody serves: bound, and with `listening` accepting connections that stay
// silent.
class SilentPort {
 public:
  explicit SilentPort(bool listening) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    if (listening) {
      EXPECT_EQ(listen(socket_, 8), 0);
    }
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~SilentPort() { close(socket_); }
  const std::string& address() const { return address_; }

 private:
  const int socket_;
  std::string address_;
};

class FailuresTest : public testing::Test {
 protected:
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address, bool raw = false) {
    CallInterceptorOptions options;
    options.raw = raw;
    return CreateMeteredChannel(address, grpc::InsecureChannelCredentials(), hospital_.meter, options);
  }
  std::vector<Transfer> AtClient(size_t count) { return hospital_.facts->Await<Transfer>(count); }
  std::vector<Transfer> AtServer(size_t count) { return aggregator_.facts->Await<Transfer>(count); }

  MeteredNode hospital_{"hospital.test"};
  MeteredNode aggregator_{"aggregator.test"};
};

TEST_F(FailuresTest, BytesToADeadPortAreSentAndUnanswered) {
  const SilentPort port(/*listening=*/false);
  grpc::ClientContext context;
  const Exchange exchange =
      Call(ClientStyle::kSync, Method::kUnary, ChannelTo(port.address()), &context, {Data(100'000)});
  EXPECT_EQ(exchange.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  const auto transfers = AtClient(1);
  ASSERT_EQ(transfers.size(), 1);
  EXPECT_EQ(CountsOf(transfers[0].sent), exchange.tally.sent);
  EXPECT_GE(transfers[0].sent.message_bytes->count(), 100'000);
  EXPECT_EQ(CountsOf(transfers[0].received), Counts());
  EXPECT_FALSE(transfers[0].answered);
  EXPECT_EQ(transfers[0].status, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(transfers[0].peer, "");
}

TEST_F(FailuresTest, DeadlineBeforeConnectingIsUnanswered) {
  const SilentPort port(/*listening=*/true);
  for (const ClientStyle style :
       {ClientStyle::kSync, ClientStyle::kCallback, ClientStyle::kCompletionQueue}) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    const Exchange exchange = Call(style, Method::kUnary, ChannelTo(port.address()), &context, {Data(1'000)});
    EXPECT_EQ(exchange.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  const auto transfers = AtClient(3);
  ASSERT_EQ(transfers.size(), 3);
  for (const Transfer& transfer : transfers) {
    EXPECT_EQ(transfer.sent.messages, 1);
    EXPECT_FALSE(transfer.answered);
    EXPECT_EQ(transfer.status, grpc::StatusCode::DEADLINE_EXCEEDED);
  }
}

TEST_F(FailuresTest, CancelAfterTwentyWritesCountsAtEachEndWhatItHandled) {
  Handlers handlers;
  absl::Notification read_three, cancelled;
  Tally at_server;
  handlers.bidi_stream = [&](grpc::ServerContext*, Handlers::Stream* stream) {
    Payload request;
    for (int i = 0; i < 3 && stream->Read(&request); ++i) at_server.received.Add(request);
    read_three.Notify();
    cancelled.WaitForNotification();
    return grpc::Status::CANCELLED;
  };
  const ServiceServer server(&handlers, aggregator_.meter);
  const auto stub = Echo::NewStub(ChannelTo(server.address()));
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  Tally at_client;
  for (int i = 0; i < 20; ++i) {
    const Payload request = Data(100 + i);
    at_client.sent.Add(request);
    ASSERT_TRUE(stream->Write(request));
  }
  read_three.WaitForNotification();
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  cancelled.Notify();
  ASSERT_THAT(AtClient(1), testing::SizeIs(1));
  ASSERT_THAT(AtServer(1), testing::SizeIs(1));
  EXPECT_EQ(CountsOf(AtClient(1)[0].sent), at_client.sent);
  EXPECT_EQ(AtClient(1)[0].status, grpc::StatusCode::CANCELLED);
  EXPECT_EQ(CountsOf(AtServer(1)[0].received), at_server.received);
  EXPECT_EQ(at_server.received.messages, 3);
}

// A callback server is told of the cancellation and may finish whenever it likes.
TEST_F(FailuresTest, ServerCallEndsWhenTheClientGoes) {
  struct Reactor : grpc::ServerBidiReactor<Payload, Payload> {
    void OnCancel() override { told.Notify(); }
    void OnDone() override { done.Notify(); }
    absl::Notification told, done;
  };
  struct Service : Echo::WithCallbackMethod_BidiStream<Echo::Service> {
    grpc::ServerBidiReactor<Payload, Payload>* BidiStream(grpc::CallbackServerContext*) override {
      called.Notify();
      return &reactor;
    }
    Reactor reactor;
    absl::Notification called;
  } service;
  const ServiceServer server(&service, aggregator_.meter);
  const auto stub = Echo::NewStub(ChannelTo(server.address()));
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  service.called.WaitForNotification();
  context.TryCancel();
  stream->Finish();
  service.reactor.told.WaitForNotification();
  const auto transfers = AtServer(1);
  service.reactor.Finish(grpc::Status::OK);
  service.reactor.done.WaitForNotification();
  ASSERT_EQ(transfers.size(), 1);
  EXPECT_EQ(transfers[0].status, grpc::StatusCode::CANCELLED);
  EXPECT_EQ(aggregator_.facts->All<Transfer>().size(), 1);
}

struct Retries {
  int handled = 0;
  grpc::Status status;
};

// A server that fails twice, and a client whose service config retries.
Retries CallWithRetries(const std::shared_ptr<Meter>& client_meter,
                        const std::shared_ptr<Meter>& server_meter) {
  Handlers handlers;
  std::atomic<int> handled = 0;
  handlers.unary = [&](grpc::ServerContext*, const Payload& request, Payload* answer) {
    *answer = request;
    return ++handled < 3 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "busy") : grpc::Status::OK;
  };
  const ServiceServer server(&handlers, server_meter);
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(R"({"methodConfig": [{"name": [{}], "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1,
      "retryableStatusCodes": ["UNAVAILABLE"]}}]})");
  const auto channel =
      CreateMeteredChannel(server.address(), grpc::InsecureChannelCredentials(), client_meter, {}, arguments);
  grpc::ClientContext context;
  const Exchange exchange = Call(ClientStyle::kSync, Method::kUnary, channel, &context, {Data(1'000)});
  return {handled, exchange.status};
}

TEST_F(FailuresTest, RetryPolicyWorksAsWithoutMetering) {
  const Retries without = CallWithRetries(Meter::Disabled(), Meter::Disabled());
  ASSERT_TRUE(without.status.ok()) << without.status.error_message();
  ASSERT_EQ(without.handled, 3);

  const Retries with = CallWithRetries(hospital_.meter, aggregator_.meter);
  EXPECT_TRUE(with.status.ok()) << with.status.error_message();
  EXPECT_EQ(with.handled, without.handled);

  const auto at_client = AtClient(1);
  ASSERT_EQ(at_client.size(), 1);
  EXPECT_EQ(at_client[0].sent.messages, 1);
  EXPECT_EQ(at_client[0].status, grpc::StatusCode::OK);
  const auto at_server = AtServer(3);
  ASSERT_EQ(at_server.size(), 3);
  for (uint32_t attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(at_server[attempt].attempt, attempt);
    EXPECT_EQ(at_server[attempt].call_id, at_client[0].call_id);
    EXPECT_EQ(at_server[attempt].received.messages, 1);
    EXPECT_EQ(at_server[attempt].status, attempt < 2 ? grpc::StatusCode::UNAVAILABLE : grpc::StatusCode::OK);
  }
}

// One generic call, whatever it says.
grpc::Status RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::string& bytes) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  const grpc::ByteBuffer request = BufferOf(bytes);
  grpc::ByteBuffer answer;
  absl::Notification done;
  grpc::Status status;
  stub.UnaryCall(&context, method, {}, &request, &answer, [&](grpc::Status result) {
    status = std::move(result);
    done.Notify();
  });
  done.WaitForNotification();
  return status;
}

TEST_F(FailuresTest, UnimplementedMethodIsAnsweredAtEveryServer) {
  for (const ServerStyle style :
       {ServerStyle::kSync, ServerStyle::kCallback, ServerStyle::kCompletionQueue, ServerStyle::kGeneric}) {
    SCOPED_TRACE(NameOf(style));
    MeteredNode client("client.test"), served("server.test");
    CallInterceptorOptions raw;
    raw.raw = true;
    const auto server = StartEchoServer(style, served.meter);
    const auto channel =
        CreateMeteredChannel(server->address(), grpc::InsecureChannelCredentials(), client.meter, raw);
    EXPECT_EQ(RawCall(channel, "/no.such.Service/Method", "request").error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
    const auto at_client = client.facts->Await<Transfer>(1);
    ASSERT_EQ(at_client.size(), 1);
    EXPECT_EQ(at_client[0].sent.message_bytes->count(), 7);
    EXPECT_EQ(at_client[0].status, grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_TRUE(at_client[0].answered);
    const auto at_server = served.facts->Await<Transfer>(1);
    ASSERT_EQ(at_server.size(), 1);
    EXPECT_EQ(at_server[0].status, grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_EQ(at_server[0].received.messages, 0);
    EXPECT_EQ(at_server[0].call_id, at_client[0].call_id);
    // A server with sync methods alone is told no more.
    EXPECT_EQ(at_server[0].method, style == ServerStyle::kSync ? "unknown" : "/no.such.Service/Method");
  }
}

TEST_F(FailuresTest, UnparsableRequestIsUncountedAndBecomesAGap) {
  for (const ServerStyle style : {ServerStyle::kSync, ServerStyle::kCallback}) {
    for (const Method method : {Method::kUnary, Method::kServerStream}) {
      SCOPED_TRACE(NameOf(style) + NameOf(method));
      MeteredNode client("client.test"), served("server.test");
      CallInterceptorOptions raw;
      raw.raw = true;
      const auto server = StartEchoServer(style, served.meter);
      const auto channel =
          CreateMeteredChannel(server->address(), grpc::InsecureChannelCredentials(), client.meter, raw);
      EXPECT_FALSE(RawCall(channel, PathOf(method), "\x0f no protobuf").ok());
      const auto at_client = client.facts->Await<Transfer>(1);
      ASSERT_EQ(at_client.size(), 1);
      EXPECT_EQ(at_client[0].sent.message_bytes->count(), 13);
      const auto at_server = served.facts->Await<Transfer>(1);
      ASSERT_EQ(at_server.size(), 1);
      EXPECT_EQ(CountsOf(at_server[0].received), Counts());
      served.meter->Sample();
      const auto gaps = served.facts->All<Gap>();
      ASSERT_EQ(gaps.size(), 1);
      EXPECT_EQ(gaps[0].reason, v1::Gap::REASON_UNSIZED_MESSAGE);
      EXPECT_EQ(gaps[0].facts, 1);
    }
  }
}

TEST_F(FailuresTest, UnparsableRequestNeverReachesACompletionQueueServer) {
  auto server = StartEchoServer(ServerStyle::kCompletionQueue, aggregator_.meter);
  EXPECT_FALSE(RawCall(ChannelTo(server->address(), true), PathOf(Method::kUnary), "\x0f no protobuf").ok());
  server.reset();
  EXPECT_THAT(aggregator_.facts->All<Transfer>(), ElementsAre());
}

TEST_F(FailuresTest, UnparsableMessageOfAStreamLooksLikeItsEnd) {
  for (const ServerStyle style :
       {ServerStyle::kSync, ServerStyle::kCallback, ServerStyle::kCompletionQueue}) {
    MeteredNode served("server.test");
    const auto server = StartEchoServer(style, served.meter);
    RawCall(ChannelTo(server->address(), true), PathOf(Method::kClientStream), "\x0f no protobuf");
    const auto transfers = served.facts->Await<Transfer>(1);
    ASSERT_EQ(transfers.size(), 1);
    EXPECT_EQ(CountsOf(transfers[0].received), Counts());
  }
}

// gRPC hands the part that it could parse to a unary client's interceptor, and nothing says so.
TEST_F(FailuresTest, UnparsableAnswerCountsNoMoreThanCame) {
  struct Service : grpc::CallbackGenericService {
    struct Reactor : grpc::ServerGenericBidiReactor {
      Reactor() { StartWriteAndFinish(&answer, {}, grpc::Status::OK); }
      void OnDone() override { delete this; }
      const grpc::ByteBuffer answer = BufferOf("\x0a\x02hi\x0f no protobuf");
    };
    grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
      return new Reactor;
    }
  } service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  const auto stub = Echo::NewStub(ChannelTo("127.0.0.1:" + std::to_string(port)));
  {
    grpc::ClientContext context;
    Payload answer;
    stub->Unary(&context, Data(10), &answer);
  }
  const auto transfers = AtClient(1);
  ASSERT_EQ(transfers.size(), 1);
  EXPECT_TRUE(transfers[0].answered);
  EXPECT_LE(transfers[0].received.message_bytes.value_or(Bytes()).count(), 17);
  server->Shutdown();
}

TEST_F(FailuresTest, StatusDetailsAndTrailingMetadataSurvive) {
  Handlers handlers;
  const std::string details("binary\0details", 14);
  handlers.unary = [&](grpc::ServerContext* context, const Payload&, Payload*) {
    context->AddTrailingMetadata("own-key", "own value");
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "message", details);
  };
  const ServiceServer server(&handlers, aggregator_.meter);
  grpc::ClientContext context;
  const Exchange exchange =
      Call(ClientStyle::kSync, Method::kUnary, ChannelTo(server.address()), &context, {Data(10)});
  EXPECT_EQ(exchange.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(exchange.status.error_message(), "message");
  EXPECT_EQ(exchange.status.error_details(), details);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("own-key"), 1);
  EXPECT_TRUE(AtClient(1).at(0).answered);
}

// It sends trailers alone: no metadata and no message.
TEST_F(FailuresTest, ErrorOfAnUnmeteredServerIsAnAnswerIfGrpcDoesNotMakeItUp) {
  Handlers handlers;
  grpc::StatusCode code = grpc::StatusCode::OK;
  handlers.unary = [&](grpc::ServerContext*, const Payload&, Payload*) { return grpc::Status(code, "no"); };
  const ServiceServer server(&handlers, Meter::Disabled());
  const std::pair<grpc::StatusCode, bool> cases[] = {{grpc::StatusCode::FAILED_PRECONDITION, true},
                                                     {grpc::StatusCode::PERMISSION_DENIED, true},
                                                     {grpc::StatusCode::UNAVAILABLE, false},
                                                     {grpc::StatusCode::INTERNAL, false}};
  for (const auto& [returned, answered] : cases) {
    code = returned;
    grpc::ClientContext context;
    Call(ClientStyle::kSync, Method::kUnary, ChannelTo(server.address()), &context, {Data(10)});
    EXPECT_EQ(hospital_.facts->All<Transfer>().back().status, returned);
    EXPECT_EQ(hospital_.facts->All<Transfer>().back().answered, answered) << returned;
  }
}

TEST_F(FailuresTest, EarlyServerStatusEndsBothEnds) {
  Handlers handlers;
  handlers.bidi_stream = [&](grpc::ServerContext*, Handlers::Stream* stream) {
    Payload request;
    stream->Read(&request);
    return grpc::Status(grpc::StatusCode::ABORTED, "enough");
  };
  const ServiceServer server(&handlers, aggregator_.meter);
  const auto stub = Echo::NewStub(ChannelTo(server.address()));
  grpc::ClientContext context;
  const auto stream = stub->BidiStream(&context);
  Tally at_client;
  bool open = true;
  while (open) {
    at_client.sent.Add(Data(100));
    open = stream->Write(Data(100));
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(CountsOf(AtClient(1).at(0).sent), at_client.sent);
  EXPECT_EQ(AtClient(1).at(0).status, grpc::StatusCode::ABORTED);
  EXPECT_EQ(AtServer(1).at(0).received.messages, 1);
  EXPECT_EQ(AtServer(1).at(0).status, grpc::StatusCode::ABORTED);
}

TEST_F(FailuresTest, QueueShutdownIsNoCall) {
  StartEchoServer(ServerStyle::kCompletionQueue, aggregator_.meter).reset();
  EXPECT_THAT(aggregator_.facts->All<Transfer>(), ElementsAre());
}

TEST_F(FailuresTest, PreparedButNeverStartedIsNoCall) {
  const SilentPort port(/*listening=*/true);
  grpc::GenericStub stub(ChannelTo(port.address(), /*raw=*/true));
  grpc::CompletionQueue queue;
  {
    grpc::ClientContext context;
    const auto call = stub.PrepareCall(&context, "/some.Service/Method", &queue);
  }
  queue.Shutdown();
  EXPECT_THAT(hospital_.facts->All<Transfer>(), ElementsAre());
}

TEST_F(FailuresTest, ContextOutlivesMeterAndChannel) {
  const auto server = StartEchoServer(ServerStyle::kCallback, aggregator_.meter);
  auto channel = ChannelTo(server->address());
  auto stub = Echo::NewStub(channel);
  auto done = std::make_unique<grpc::ClientContext>();
  Call(ClientStyle::kSync, Method::kUnary, channel, done.get(), {Data(10)});
  auto open = std::make_unique<grpc::ClientContext>();
  auto stream = stub->BidiStream(open.get());
  ASSERT_TRUE(stream->Write(Data(10)));
  hospital_.meter.reset();
  channel.reset();
  stub.reset();
  stream->WritesDone();
  Payload answer;
  while (stream->Read(&answer)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
  done.reset();
  stream.reset();
  open.reset();
  EXPECT_EQ(hospital_.facts->All<Transfer>().size(), 2);
}

TEST_F(FailuresTest, TenThousandMethodNamesAreHarmless) {
  constexpr int kCalls = 10'000;
  constexpr int kAtOnce = 100;
  const auto server = StartEchoServer(ServerStyle::kGeneric, aggregator_.meter);
  grpc::GenericStub stub(grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials()));
  const grpc::ByteBuffer request = BufferOf("x");
  for (int first = 0; first < kCalls; first += kAtOnce) {
    absl::BlockingCounter open(kAtOnce);
    std::vector<grpc::ClientContext> contexts(kAtOnce);
    std::vector<grpc::ByteBuffer> answers(kAtOnce);
    for (int i = 0; i < kAtOnce; ++i) {
      const std::string method = "/<script>" + std::to_string(first + i) + "/" + std::string(first / 40, '%');
      stub.UnaryCall(&contexts[i], method, {}, &request, &answers[i],
                     [&](grpc::Status) { open.DecrementCount(); });
    }
    open.Wait();
  }
  EXPECT_EQ(AtServer(kCalls).size(), kCalls);
}

}  // namespace
}  // namespace fedcarbon::test
