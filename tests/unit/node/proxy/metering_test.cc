// What a proxy's Meter is told of traffic that passes through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/node/proxy/running_proxy.h"

namespace fedcarbon::node {
namespace {

using ::testing::IsEmpty;
using testing::ListenerTo;
using testing::Pair;
using testing::RunningProxy;
using testing::Server;
using ::testing::SizeIs;

const std::string kRequest = "POST /train?token=1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nmodel";
const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nupdated";

void Exchange(Pair* pair, const std::string& request, const std::string& answer) {
  EXPECT_TRUE(pair->client.Send(request));
  EXPECT_EQ(pair->server.Receive(request.size()), request);
  EXPECT_TRUE(pair->server.Send(answer));
  EXPECT_EQ(pair->client.Receive(answer.size()), answer);
}

TEST(MeteringTest, CountsCallsAndTheirConnection) {
  Server upstream;
  ListenerOptions options = ListenerTo(upstream.endpoint());
  options.upstream_node = "aggregator";
  RunningProxy proxy(options);
  Pair pair(proxy, &upstream);
  Exchange(&pair, kRequest, kAnswer);
  Exchange(&pair, kRequest, kAnswer);
  const std::vector<Transfer> transfers = proxy.meter.sink->Await<Transfer>(2);
  ASSERT_THAT(transfers, SizeIs(2));
  for (const Transfer& transfer : transfers) {
    EXPECT_EQ(transfer.method, "/train");
    EXPECT_EQ(transfer.peer, "aggregator");
    EXPECT_EQ(transfer.status, 0);
    EXPECT_EQ(transfer.sent.encoded_bytes, Bytes(5));
    EXPECT_EQ(transfer.sent.header_bytes, Bytes(kRequest.size() - 5));
    EXPECT_EQ(transfer.received.encoded_bytes, Bytes(7));
    EXPECT_EQ(transfer.received.header_bytes, Bytes(kAnswer.size() - 7));
  }
  pair.client.FinishSending();
  pair.server.FinishSending();
  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_THAT(connections, SizeIs(1));
  EXPECT_EQ(connections[0].protocol, "http/1.1");
  EXPECT_EQ(connections[0].sent, Bytes(2 * kRequest.size()));
  EXPECT_EQ(connections[0].received, Bytes(2 * kAnswer.size()));
}

TEST(MeteringTest, CountsWhatHadPassedWhenAConnectionBreaks) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  const std::string begun = kRequest.substr(0, kRequest.size() - 2);
  EXPECT_TRUE(pair.client.Send(begun));
  EXPECT_EQ(pair.server.Receive(begun.size()), begun);
  pair.server.CloseWithReset();
  const std::vector<Transfer> transfers = proxy.meter.sink->Await<Transfer>(1);
  ASSERT_THAT(transfers, SizeIs(1));
  EXPECT_EQ(transfers[0].sent.encoded_bytes, Bytes(3));
  EXPECT_EQ(transfers[0].status, 1);
  EXPECT_FALSE(transfers[0].answered);
}

TEST(MeteringTest, GathersWhatManyConnectionsCouldNotBeReadFor) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  constexpr size_t kConnections = 50;
  for (size_t i = 0; i < kConnections; ++i) {
    Pair pair(proxy, &upstream);
    Exchange(&pair, "\x01\x02\x03 no protocol", "nor this");
  }
  EXPECT_TRUE(proxy.AwaitOpen(0));
  proxy.Destroy();  // what is gathered is told each second, and at the end
  const std::vector<Gap> gaps = proxy.meter.sink->All<Gap>();
  EXPECT_LT(gaps.size(), kConnections / 2);
  uint64_t facts = 0;
  Bytes bytes;
  for (const Gap& gap : gaps) {
    EXPECT_EQ(gap.detail, "protocol not recognised");
    facts += gap.facts;
    bytes += gap.bytes;
  }
  EXPECT_EQ(facts, kConnections);
  EXPECT_EQ(bytes, Bytes(kConnections * (15 + 8)));
  EXPECT_THAT(proxy.meter.sink->All<Transfer>(), IsEmpty());
}

TEST(MeteringTest, SaysThatTheUpstreamCouldNotBeReached) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  upstream.Close();
  constexpr size_t kConnections = 3;
  for (size_t i = 0; i < kConnections; ++i) {
    testing::Socket client = proxy.Connect();
    EXPECT_EQ(client.AwaitEnding(), testing::Ending::kReset);
  }
  proxy.Destroy();
  uint64_t connections = 0;
  for (const Gap& gap : proxy.meter.sink->All<Gap>()) {
    EXPECT_EQ(gap.reason, v1::Gap::REASON_UNREACHABLE);
    connections += gap.facts;
  }
  EXPECT_EQ(connections, kConnections);
}

TEST(MeteringTest, ForwardsThoughNobodyMeters) {
  Server upstream;
  ProxyMetrics metrics;
  const auto proxy =
      Proxy::Start(testing::OptionsFor(ListenerTo(upstream.endpoint())), Meter::Disabled(), &metrics);
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  testing::Socket client = testing::Socket::Connect((*proxy)->listening().at(0));
  testing::Socket server = upstream.Accept();
  EXPECT_TRUE(client.Send(kRequest));
  EXPECT_EQ(server.Receive(kRequest.size()), kRequest);
}

}  // namespace
}  // namespace fedcarbon::node
