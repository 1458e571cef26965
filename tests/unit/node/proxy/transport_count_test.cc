// What a connection carried, by the proxy's facts and by the kernels of its two ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/unit/node/proxy/running_proxy.h"

namespace fedcarbon::node {
namespace {

using testing::Ending;
using testing::Eventually;
using testing::ListenerTo;
using testing::OptionsFor;
using testing::Pair;
using testing::RandomBytes;
using testing::RunningProxy;
using testing::Server;
using ::testing::SizeIs;
using testing::Socket;
using testing::UnixPlace;

/// What an end's own kernel counted; it takes the FIN that it received for a byte.
struct Counted {
  explicit Counted(const Socket& socket) {
    const tcp_info info = socket.Info();
    sent = Bytes(info.tcpi_bytes_sent - info.tcpi_bytes_retrans);
    received = Bytes(info.tcpi_bytes_received - 1);
  }
  Bytes sent, received;
};

ListenerOptions At(v1::End side, const Endpoint& upstream) {
  ListenerOptions options = ListenerTo(upstream);
  options.side = side;
  return options;
}

/// Carries 3 MB up and 5 MB down; `server_ends_first`: who sends its FIN first.
void Exchange(Pair* pair, bool server_ends_first) {
  const std::string request = RandomBytes(3'000'001);
  const std::string answer = RandomBytes(5'000'003);
  std::thread up([&] { EXPECT_TRUE(pair->client.Send(request)); });
  EXPECT_TRUE(pair->server.Receive(request.size()) == request);
  up.join();
  std::thread down([&] { EXPECT_TRUE(pair->server.Send(answer)); });
  EXPECT_TRUE(pair->client.Receive(answer.size()) == answer);
  down.join();
  Socket& first = server_ends_first ? pair->server : pair->client;
  Socket& last = server_ends_first ? pair->client : pair->server;
  first.FinishSending();
  EXPECT_EQ(last.AwaitEnding(), Ending::kFin);
  last.FinishSending();
  EXPECT_EQ(first.AwaitEnding(), Ending::kFin);
}

class TransportCountTest : public ::testing::TestWithParam<std::tuple<v1::End, bool>> {};

TEST_P(TransportCountTest, AgreesWithTheKernelsOfBothEnds) {
  const auto& [side, server_ends_first] = GetParam();
  Server upstream;
  RunningProxy proxy(At(side, upstream.endpoint()));
  Pair pair(proxy, &upstream);
  Exchange(&pair, server_ends_first);

  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_THAT(connections, SizeIs(1));
  const Connection& connection = connections[0];
  EXPECT_EQ(connection.end, side);
  EXPECT_EQ(connection.part, 0u);
  EXPECT_EQ(connection.handshakes, 0u);
  // The leg at the node's end, as its peer saw it.
  const Counted peer(side == v1::END_CLIENT ? pair.server : pair.client);
  EXPECT_EQ(connection.sent, peer.received);
  EXPECT_EQ(connection.received, peer.sent);
  EXPECT_EQ(connection.sent, Bytes(side == v1::END_CLIENT ? 3'000'001 : 5'000'003));

  const Counted client(pair.client), server(pair.server);
  EXPECT_EQ(proxy.metrics.downstream_received_bytes, client.sent.count());
  EXPECT_EQ(proxy.metrics.downstream_sent_bytes, client.received.count());
  EXPECT_EQ(proxy.metrics.upstream_received_bytes, server.sent.count());
  EXPECT_EQ(proxy.metrics.upstream_sent_bytes, server.received.count());
  EXPECT_EQ(proxy.metrics.kernel_checked, 2u);
  EXPECT_EQ(proxy.metrics.kernel_differed, 0u);
}

INSTANTIATE_TEST_SUITE_P(Ends, TransportCountTest,
                         ::testing::Combine(::testing::Values(v1::END_CLIENT, v1::END_SERVER),
                                            ::testing::Bool()));

TEST(TransportCountTest, HasTheProxysCountAfterAReset) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  EXPECT_TRUE(pair.client.Send("question"));
  EXPECT_EQ(pair.server.Receive(8), "question");
  EXPECT_TRUE(pair.server.Send("ans"));
  EXPECT_EQ(pair.client.Receive(3), "ans");
  pair.server.CloseWithReset();
  EXPECT_EQ(pair.client.AwaitEnding(), Ending::kReset);
  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_THAT(connections, SizeIs(1));
  EXPECT_EQ(connections[0].sent, Bytes(8));
  EXPECT_EQ(connections[0].received, Bytes(3));
  EXPECT_EQ(proxy.metrics.kernel_checked, 0u);
  EXPECT_EQ(proxy.metrics.connections_reset, 1u);
}

TEST(TransportCountTest, HasTheProxysCountOfUnixSockets) {
  Server upstream(UnixPlace("upstream"));
  RunningProxy proxy(ListenerTo(upstream.endpoint()));
  Pair pair(proxy, &upstream);
  Exchange(&pair, /*server_ends_first=*/true);
  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_THAT(connections, SizeIs(1));
  EXPECT_EQ(connections[0].sent, Bytes(3'000'001));
  EXPECT_EQ(connections[0].received, Bytes(5'000'003));
  EXPECT_EQ(proxy.metrics.kernel_checked, 1u);  // the client's leg
  EXPECT_EQ(proxy.metrics.kernel_differed, 0u);
}

TEST(TransportCountTest, RecordsAConnectionThatCarriedNothing) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  pair.client.FinishSending();
  pair.server.FinishSending();
  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_THAT(connections, SizeIs(1));
  EXPECT_EQ(connections[0].sent, Bytes(0));
  EXPECT_EQ(connections[0].received, Bytes(0));
}

TEST(TransportCountTest, RecordsNoConnectionThatNeverWas) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  upstream.Close();
  Socket client = proxy.Connect();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_THAT(proxy.meter.sink->All<Connection>(), SizeIs(0));
}

TEST(TransportCountTest, TellsOfALongConnectionInParts) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  std::vector<size_t> pieces = {1'000, 2'000, 4'000};
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(pair.client.Send(std::string(pieces[i], 'x')));
    EXPECT_EQ(pair.server.Receive(pieces[i]).size(), pieces[i]);
    // The part is due 10 s after the proxy noticed that bytes moved.
    EXPECT_TRUE(Eventually([&] {
      proxy.meter.clock.Advance(absl::Seconds(10));
      return proxy.meter.sink->All<Connection>().size() == i + 1;
    }));
  }
  EXPECT_TRUE(pair.client.Send(std::string(pieces[2], 'x')));
  pair.client.FinishSending();
  EXPECT_EQ(pair.server.ReceiveAll().size(), pieces[2]);
  pair.server.FinishSending();

  const std::vector<Connection> parts = proxy.Connections(3);
  ASSERT_THAT(parts, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(parts[i].id, parts[0].id);
    EXPECT_EQ(parts[i].part, i);
    EXPECT_EQ(parts[i].sent, Bytes(pieces[i]));
  }
}

}  // namespace
}  // namespace fedcarbon::node
