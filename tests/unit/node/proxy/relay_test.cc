// What a connection's two ends notice of the proxy between them: nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "tests/unit/node/proxy/running_proxy.h"
#include "tests/unit/random_seed.h"

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
using testing::Socket;

/// Sends `bytes` in pieces of 1 byte to 64 KiB, then says that nothing follows.
void SendInPieces(Socket* socket, std::string_view bytes, uint32_t seed) {
  std::mt19937 random(seed);
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(bytes.size(), 1 + (random() % (1u << random() % 17)));
    if (!socket->Send(bytes.substr(0, size))) return;
    bytes.remove_prefix(size);
  }
  socket->FinishSending();
}

TEST(RelayTest, CarriesBothDirectionsByteForByte) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  std::mt19937 seeds(RandomSeed());
  for (size_t more = 1; more <= 5; ++more) {
    Pair pair(proxy, &upstream);
    const std::string request = RandomBytes(3'000'000 + more, seeds());
    const std::string answer = RandomBytes(5'000'000 + more, seeds());
    std::thread up([&, seed = seeds()] { SendInPieces(&pair.client, request, seed); });
    std::thread down([&, seed = seeds()] { SendInPieces(&pair.server, answer, seed); });
    std::string arrived;
    std::thread at_server([&] { arrived = pair.server.ReceiveAll(); });
    EXPECT_TRUE(pair.client.ReceiveAll() == answer);
    for (std::thread* thread : {&up, &down, &at_server}) thread->join();
    EXPECT_TRUE(arrived == request);
    EXPECT_EQ(pair.client.ending(), Ending::kFin);
    EXPECT_EQ(pair.server.ending(), Ending::kFin);
  }
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_EQ(proxy.metrics.connections_accepted, 5u);
  EXPECT_EQ(proxy.metrics.connections_reset, 0u);
  EXPECT_EQ(proxy.metrics.held_bytes, 0);
}

// TCP's urgent byte is a byte like the others: no protocol that passes here has another use for it.
TEST(RelayTest, CarriesUrgentBytesInTheirPlace) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  pair.AwaitOpen();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(pair.client.Send("before"));
    EXPECT_EQ(send(pair.client.get(), "!", 1, MSG_OOB), 1);
    EXPECT_TRUE(pair.client.Send("after"));
    EXPECT_EQ(pair.server.Receive(12), "before!after");
    EXPECT_EQ(send(pair.server.get(), "?", 1, MSG_OOB), 1);
    EXPECT_EQ(pair.client.Receive(1), "?");
  }
  pair.client.FinishSending();
  EXPECT_EQ(pair.server.AwaitEnding(), Ending::kFin);
}

TEST(RelayTest, LetsTheServerSpeakFirst) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  EXPECT_TRUE(pair.server.Send("hello"));
  EXPECT_EQ(pair.client.Receive(5), "hello");
}

TEST(RelayTest, PassesOnTheClientsHalfClose) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  EXPECT_TRUE(pair.client.Send("question"));
  pair.client.FinishSending();
  EXPECT_EQ(pair.server.ReceiveAll(), "question");
  EXPECT_EQ(pair.server.ending(), Ending::kFin);
  EXPECT_TRUE(pair.server.Send("answer"));
  EXPECT_EQ(pair.client.Receive(6), "answer");
  pair.server.FinishSending();
  EXPECT_EQ(pair.client.AwaitEnding(), Ending::kFin);
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_EQ(proxy.metrics.connections_reset, 0u);
}

TEST(RelayTest, PassesOnTheServersHalfClose) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  pair.server.FinishSending();
  EXPECT_EQ(pair.client.AwaitEnding(), Ending::kFin);
  EXPECT_TRUE(pair.client.Send("late"));
  pair.client.FinishSending();
  EXPECT_EQ(pair.server.ReceiveAll(), "late");
  EXPECT_EQ(pair.server.ending(), Ending::kFin);
}

TEST(RelayTest, PassesOnAReset) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair by_client(proxy, &upstream);
  by_client.AwaitOpen();
  by_client.client.CloseWithReset();
  EXPECT_EQ(by_client.server.AwaitEnding(), Ending::kReset);

  Pair by_server(proxy, &upstream);
  by_server.AwaitOpen();
  by_server.server.CloseWithReset();
  EXPECT_EQ(by_server.client.AwaitEnding(), Ending::kReset);

  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_EQ(proxy.metrics.connections_reset, 2u);
}

TEST(RelayTest, PassesOnAResetAfterWhatCameBefore) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  EXPECT_TRUE(pair.server.Send("the beginning"));
  EXPECT_EQ(pair.client.Receive(13), "the beginning");
  EXPECT_TRUE(pair.server.Send(" of an answer"));
  pair.server.CloseWithReset();
  EXPECT_EQ(pair.client.ReceiveAll(), " of an answer");
  EXPECT_EQ(pair.client.ending(), Ending::kReset);
}

// Whoever has said all that it has to say may still lose patience with the answer.
TEST(RelayTest, PassesOnAResetAfterAHalfClose) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair by_client(proxy, &upstream);
  by_client.client.FinishSending();
  EXPECT_EQ(by_client.server.AwaitEnding(), Ending::kFin);
  by_client.client.CloseWithReset();
  EXPECT_TRUE(Eventually([&] { return PendingError(by_client.server.get()) != 0; }));

  Pair by_server(proxy, &upstream);
  by_server.server.FinishSending();
  EXPECT_EQ(by_server.client.AwaitEnding(), Ending::kFin);
  by_server.server.CloseWithReset();
  EXPECT_TRUE(Eventually([&] { return PendingError(by_server.client.get()) != 0; }));
  EXPECT_TRUE(proxy.AwaitOpen(0));
}

TEST(RelayTest, ResetsWhomTheUpstreamRefuses) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  upstream.Close();
  Socket client = proxy.Connect();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_EQ(proxy.metrics.upstream_failures, 1u);
  EXPECT_EQ(proxy.metrics.connections_reset, 0u);  // it never was open
}

/// A Unix socket whose backlog is full until occupant is accepted.
struct FullUpstream {
  FullUpstream() : server(testing::UnixPlace("full")) {
    EXPECT_EQ(listen(server.get(), 0), 0);
    occupant = Socket::Connect(server.endpoint());
  }
  ~FullUpstream() { unlink(server.endpoint().unix_path.c_str()); }

  Server server;
  Socket occupant;
};

TEST(RelayTest, WaitsForAUnixSocketWhoseBacklogIsFull) {
  FullUpstream upstream;
  const ProxyOptions options = OptionsFor(ListenerTo(upstream.server.endpoint()));
  RunningProxy proxy(options);
  Socket client = proxy.Connect();
  EXPECT_TRUE(client.Send("hello"));
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.connections_accepted == 1; }));
  EXPECT_TRUE(proxy->Reload(options).ok());  // its loop's next task: it has tried
  EXPECT_EQ(proxy.metrics.upstream_failures, 0u);

  upstream.server.Accept();
  Socket server = upstream.server.Accept();
  EXPECT_EQ(server.Receive(5), "hello");
}

TEST(RelayTest, ResetsWhoseUpstreamsBacklogStaysFull) {
  FullUpstream upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.server.endpoint()));
  options.connect_timeout = absl::Seconds(1);
  RunningProxy proxy(options);
  Socket client = proxy.Connect();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  EXPECT_EQ(proxy.metrics.upstream_failures, 1u);
}

TEST(RelayTest, RecoversWithTheUpstream) {
  auto upstream = std::make_unique<Server>();
  const Endpoint place = upstream->endpoint();
  RunningProxy proxy(place);
  Pair before(proxy, upstream.get());
  upstream.reset();
  Socket refused = proxy.Connect();
  EXPECT_EQ(refused.AwaitEnding(), Ending::kReset);
  // What is open does not depend on the listener.
  EXPECT_TRUE(before.client.Send("still here"));
  EXPECT_EQ(before.server.Receive(10), "still here");
  before.server.CloseWithReset();
  EXPECT_EQ(before.client.AwaitEnding(), Ending::kReset);

  Server again(place.text());
  Pair after(proxy, &again);
  EXPECT_TRUE(after.client.Send("hello"));
  EXPECT_EQ(after.server.Receive(5), "hello");
}

TEST(RelayTest, DeliversAnEarlyAnswerWhileTheClientStillSends) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  for (int i = 0; i < 20; ++i) {
    Pair pair(proxy, &upstream);
    const std::string request = RandomBytes(8'000'000);
    std::thread sender([&] { pair.client.Send(request); });  // in vain
    EXPECT_EQ(pair.server.Receive(1'000).size(), 1'000u);
    EXPECT_TRUE(pair.server.Send("413 too large"));
    pair.server.Close();  // with the rest unread: a reset
    EXPECT_EQ(pair.client.ReceiveAll(), "413 too large");
    sender.join();
  }
  EXPECT_TRUE(proxy.AwaitOpen(0));
}

TEST(RelayTest, LetsTheServerEndWhileTheClientStillSends) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  EXPECT_TRUE(pair.server.Send("answer"));
  pair.server.FinishSending();
  EXPECT_EQ(pair.client.ReceiveAll(), "answer");
  const std::string request = RandomBytes(4'000'000);
  std::thread sender([&] {
    pair.client.Send(request);
    pair.client.FinishSending();
  });
  EXPECT_TRUE(pair.server.ReceiveAll() == request);
  sender.join();
}

class RelayBetweenTest : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

std::string Place(const std::string& kind, const std::string& name) {
  return kind == "unix" ? testing::UnixPlace(name) : kind;
}

TEST_P(RelayBetweenTest, CarriesAndEndsAsBetweenOthers) {
  Server upstream(Place(GetParam().second, "upstream"));
  RunningProxy proxy(ListenerTo(upstream.endpoint(), Place(GetParam().first, "listen")));
  Pair pair(proxy, &upstream);
  const std::string request = RandomBytes(2'000'000);
  const std::string answer = RandomBytes(3'000'000, 2);
  std::thread up([&] { SendInPieces(&pair.client, request, 1); });
  EXPECT_TRUE(pair.server.ReceiveAll() == request);
  up.join();
  std::thread down([&] { SendInPieces(&pair.server, answer, 2); });
  EXPECT_TRUE(pair.client.ReceiveAll() == answer);
  down.join();
  EXPECT_EQ(pair.client.ending(), Ending::kFin);
  EXPECT_EQ(pair.server.ending(), Ending::kFin);
  EXPECT_TRUE(proxy.AwaitOpen(0));

  upstream.Close();
  if (upstream.endpoint().is_unix()) unlink(upstream.endpoint().unix_path.c_str());
  Socket refused = proxy.Connect();
  refused.AwaitEnding();
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.upstream_failures == 1; }));
}

INSTANTIATE_TEST_SUITE_P(Sockets, RelayBetweenTest,
                         ::testing::Values(std::pair("[::1]:0", "[::1]:0"),
                                           std::pair("[::1]:0", "127.0.0.1:0"),
                                           std::pair("unix", "127.0.0.1:0"), std::pair("127.0.0.1:0", "unix"),
                                           std::pair("unix", "unix")));

TEST(RelayTest, DialsTheAddressInsteadOfTheName) {
  Server upstream;
  ListenerOptions options = ListenerTo(testing::At("fl.example.invalid:1"));
  options.upstream_address = upstream.endpoint();
  RunningProxy proxy(options);
  Pair pair(proxy, &upstream);
  EXPECT_TRUE(pair.client.Send("hello"));
  EXPECT_EQ(pair.server.Receive(5), "hello");
}

TEST(RelayTest, FindsTheUpstreamByItsName) {
  Server upstream;
  Endpoint named = upstream.endpoint();
  named.address.host = "localhost";
  RunningProxy proxy(named);
  for (int i = 0; i < 3; ++i) {
    Pair pair(proxy, &upstream);
    EXPECT_TRUE(pair.client.Send("hello"));
    EXPECT_EQ(pair.server.Receive(5), "hello");
  }
}

TEST(RelayTest, ResetsWhoseUpstreamHasNoAddress) {
  RunningProxy proxy(testing::At(std::string(64, 'a') + ".invalid:1"));  // too long for DNS: nobody is asked
  Socket client = proxy.Connect();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  EXPECT_EQ(proxy.metrics.upstream_failures, 1u);
}

}  // namespace
}  // namespace fedcarbon::node
