// Sizes, over every kind of RPC and every API style at both ends, compared with what the ends themselves
// counted.
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/meter/grpc/echo_client.h"
#include "tests/unit/meter/grpc/echo_server.h"
#include "tests/unit/meter/grpc/metered_node.h"

namespace fedcarbon::test {
namespace {

using Styles = std::tuple<ServerStyle, ClientStyle, Method>;

class SizesTest : public testing::TestWithParam<Styles> {
 protected:
  ServerStyle server_style() const { return std::get<0>(GetParam()); }
  ClientStyle client_style() const { return std::get<1>(GetParam()); }
  Method method() const { return std::get<2>(GetParam()); }

  // One call; both ends must have recorded what they counted themselves.
  void CheckCall(const std::vector<Payload>& requests,
                 grpc_compression_algorithm compression = GRPC_COMPRESS_NONE) {
    MeteredNode aggregator("aggregator.test"), hospital("hospital.test");
    Exchange exchange;
    Tally server_tally;
    {
      const auto server = StartEchoServer(server_style(), aggregator.meter);
      CallInterceptorOptions options;
      options.raw = IsRaw(client_style());
      const auto channel = CreateMeteredChannel(server->address(), grpc::InsecureChannelCredentials(),
                                                hospital.meter, options);
      grpc::ClientContext context;
      context.set_compression_algorithm(compression);
      exchange = Call(client_style(), method(), channel, &context, requests);
      ASSERT_TRUE(exchange.status.ok()) << exchange.status.error_message();
      ASSERT_EQ(aggregator.facts->Await<Transfer>(1).size(), 1);
      ASSERT_EQ(hospital.facts->Await<Transfer>(1).size(), 1);
      server_tally = server->tally();
    }
    const std::vector<Transfer> at_client = hospital.facts->All<Transfer>();
    const std::vector<Transfer> at_server = aggregator.facts->All<Transfer>();
    ASSERT_EQ(at_client.size(), 1);
    ASSERT_EQ(at_server.size(), 1);
    CheckEnd(at_client.front(), exchange.tally, IsRaw(client_style()));
    CheckEnd(at_server.front(), server_tally, server_style() == ServerStyle::kGeneric);
    EXPECT_EQ(CountsOf(at_client.front().sent), CountsOf(at_server.front().received));
    EXPECT_EQ(CountsOf(at_client.front().received), CountsOf(at_server.front().sent));
    EXPECT_EQ(at_client.front().call_id, at_server.front().call_id);
    EXPECT_EQ(at_client.front().end, v1::END_CLIENT);
    EXPECT_EQ(at_server.front().end, v1::END_SERVER);
    EXPECT_EQ(at_client.front().peer, "aggregator.test");
    EXPECT_EQ(at_server.front().peer, "hospital.test");
  }

  void CheckEnd(const Transfer& transfer, const Tally& tally, bool raw) {
    EXPECT_EQ(CountsOf(transfer.sent), tally.sent);
    EXPECT_EQ(CountsOf(transfer.received), tally.received);
    if (tally.sent.messages > 0) {
      EXPECT_EQ(transfer.sent.kind, v1::COUNT_KIND_SERIALIZED);
    }
    if (tally.received.messages > 0) {
      EXPECT_EQ(transfer.received.kind, raw ? v1::COUNT_KIND_SERIALIZED : v1::COUNT_KIND_REENCODED);
    }
    EXPECT_EQ(transfer.method, PathOf(method()));
    EXPECT_EQ(transfer.observer, v1::OBSERVER_INTERCEPTOR);
    EXPECT_EQ(transfer.status, 0);
    EXPECT_TRUE(transfer.answered);
    EXPECT_EQ(transfer.attempt, 0);
    EXPECT_EQ(transfer.sent.encoded_bytes, std::nullopt);
    EXPECT_EQ(transfer.sent.header_bytes, std::nullopt);
  }
};

TEST_P(SizesTest, OneMessage) { CheckCall({Data(1'000, 1)}); }

TEST_P(SizesTest, EmptyMessagesCountAsMessages) { CheckCall({Payload(), Payload(), Payload()}); }

TEST_P(SizesTest, ManyMessages) {
  std::vector<Payload> requests;
  for (size_t i = 0; i < 20; ++i) requests.push_back(Data(i * 100, 20));
  CheckCall(requests);
}

TEST_P(SizesTest, LargeMessage) { CheckCall({Data(1'000'000, 3)}); }

TEST_P(SizesTest, NoMessageIsNotCounted) {
  if (method() == Method::kClientStream || method() == Method::kBidiStream) {
    CheckCall({});
  } else {
    CheckCall({Data(10, 0)});  // a ServerStream that answers nothing
  }
}

TEST_P(SizesTest, CompressedMessagesCountBeforeCompression) {
  CheckCall({Data(100'000, 2)}, GRPC_COMPRESS_GZIP);
}

INSTANTIATE_TEST_SUITE_P(
    EveryStyle, SizesTest,
    testing::Combine(testing::Values(ServerStyle::kSync, ServerStyle::kCallback,
                                     ServerStyle::kCompletionQueue, ServerStyle::kGeneric),
                     testing::Values(ClientStyle::kSync, ClientStyle::kCallback,
                                     ClientStyle::kCompletionQueue, ClientStyle::kGenericQueue,
                                     ClientStyle::kGenericCallback),
                     testing::ValuesIn(kMethods)),
    [](const testing::TestParamInfo<Styles>& info) {
      return NameOf(std::get<0>(info.param)) + NameOf(std::get<1>(info.param)) +
             NameOf(std::get<2>(info.param));
    });

}  // namespace
}  // namespace fedcarbon::test
