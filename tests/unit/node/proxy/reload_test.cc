// New options for a proxy that runs, and its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/node/proxy/running_proxy.h"

namespace fedcarbon::node {
namespace {

using testing::At;
using testing::Ending;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::ListenerTo;
using testing::OptionsFor;
using testing::Pair;
using testing::RandomBytes;
using testing::RunningProxy;
using testing::Server;
using testing::Socket;
using testing::UnixPlace;

bool IsRefused(const Endpoint& endpoint) {
  const SocketAddress address = NumericAddresses(endpoint).at(0);
  const FileDescriptor fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0;
}

void ExpectCarries(Pair* pair) {
  EXPECT_TRUE(pair->client.Send("question"));
  EXPECT_EQ(pair->server.Receive(8), "question");
  EXPECT_TRUE(pair->server.Send("answer"));
  EXPECT_EQ(pair->client.Receive(6), "answer");
}

TEST(ReloadTest, ChangesTheUpstreamOfNewConnectionsAlone) {
  Server old_upstream, new_upstream;
  RunningProxy proxy(old_upstream.endpoint());
  const Endpoint place = proxy.endpoint();
  Pair before(proxy, &old_upstream);
  const absl::Status reloaded = proxy->Reload(OptionsFor(ListenerTo(new_upstream.endpoint())));
  ASSERT_TRUE(reloaded.ok()) << reloaded;
  EXPECT_EQ(proxy.endpoint(), place);
  Pair after(proxy, &new_upstream);
  ExpectCarries(&after);
  ExpectCarries(&before);
}

TEST(ReloadTest, OpensAndClosesListeners) {
  Server upstream;
  const std::string stays = "127.0.0.1:0", comes = UnixPlace("comes"), goes = UnixPlace("goes");
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint(), goes));
  options.listeners.push_back(ListenerTo(upstream.endpoint(), stays));
  RunningProxy proxy(options);
  const Endpoint stayed = proxy.endpoint(1);
  Pair at_old(proxy, &upstream);  // at `goes`

  options.listeners = {ListenerTo(upstream.endpoint(), stays), ListenerTo(upstream.endpoint(), comes)};
  const absl::Status reloaded = proxy->Reload(options);
  ASSERT_TRUE(reloaded.ok()) << reloaded;
  EXPECT_EQ(proxy.endpoint(0), stayed);
  EXPECT_EQ(proxy.endpoint(1), At(comes));
  EXPECT_TRUE(IsRefused(At(goes)));
  struct stat info;
  EXPECT_NE(stat(At(goes).unix_path.c_str(), &info), 0);  // and its socket is gone
  ExpectCarries(&at_old);
  for (size_t i : {0, 1}) {
    Socket client = Socket::Connect(proxy.endpoint(i));
    Socket server = upstream.Accept();
    EXPECT_TRUE(client.Send("hello"));
    EXPECT_EQ(server.Receive(5), "hello");
  }
  proxy.Destroy();
  EXPECT_NE(stat(At(comes).unix_path.c_str(), &info), 0);
}

TEST(ReloadTest, LeavesEverythingAsItWasOnAnError) {
  Server upstream, other;
  RunningProxy proxy(upstream.endpoint());
  const std::string fresh = UnixPlace("fresh");
  const auto expect_unchanged = [&](const ProxyOptions& options, const std::string& why) {
    const absl::Status refused = proxy->Reload(options);
    EXPECT_FALSE(refused.ok());
    EXPECT_THAT(std::string(refused.message()), HasSubstr(why));
    EXPECT_EQ(proxy->listening().size(), 1u);
    EXPECT_TRUE(IsRefused(At(fresh)));
    Pair pair(proxy, &upstream);
    ExpectCarries(&pair);
  };

  ProxyOptions taken = OptionsFor(ListenerTo(other.endpoint()));
  taken.listeners.push_back(ListenerTo(other.endpoint(), fresh));
  taken.listeners.push_back(ListenerTo(other.endpoint(), other.endpoint().text()));  // another's place
  expect_unchanged(taken, "cannot listen on " + other.endpoint().text() + ": Address already in use");

  ProxyOptions threads = OptionsFor(ListenerTo(other.endpoint()));
  threads.threads = 2;
  expect_unchanged(threads, "threads cannot change while the proxy runs");

  ProxyOptions bad = OptionsFor(ListenerTo(other.endpoint()));
  bad.connections = 0;
  expect_unchanged(bad, "connections 0");
}

TEST(ReloadTest, TellsThatAListenerCannotMoveToWhatOverlapsItsPlace) {
  Server upstream;
  for (const auto& [from, to] : {std::pair("0.0.0.0", "127.0.0.1"), std::pair("127.0.0.1", "0.0.0.0")}) {
    RunningProxy proxy(ListenerTo(upstream.endpoint(), std::string(from) + ":0"));
    const Endpoint place = proxy.endpoint();
    Endpoint overlapping = place;
    overlapping.address.host = to;
    const absl::Status refused =
        proxy->Reload(OptionsFor(ListenerTo(upstream.endpoint(), overlapping.text())));
    EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(refused.message(),
              "cannot listen on " + overlapping.text() +
                  ": Address already in use by this node's own listener " + place.text() +
                  "; a reload opens listeners before it closes others: restart to move this one");
    EXPECT_EQ(proxy.endpoint(), place);
    Endpoint door = place;
    door.address.host = "127.0.0.1";
    Socket client = Socket::Connect(door);
    Socket server = upstream.Accept();
    EXPECT_TRUE(client.Send("hello"));
    EXPECT_EQ(server.Receive(5), "hello");
  }
}

TEST(ReloadTest, TakesOverLimits) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.connections = 1;
  RunningProxy proxy(options);
  Pair first(proxy, &upstream);
  Socket second = proxy.Connect();
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.accept_pauses == 1; }));
  options.connections = 2;
  ASSERT_TRUE(proxy->Reload(options).ok());
  Socket server = upstream.Accept();
  EXPECT_TRUE(second.Send("hello"));
  EXPECT_EQ(server.Receive(5), "hello");
}

TEST(ReloadTest, LosesNobodyWhoConnectsMeanwhile) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.threads = 4;
  RunningProxy proxy(options);
  std::atomic<bool> is_done{false};
  std::thread reloads([&] {
    while (!is_done) EXPECT_TRUE(proxy->Reload(options).ok());
  });
  for (int i = 0; i < 200; ++i) {
    Pair pair(proxy, &upstream);
    ExpectCarries(&pair);
  }
  is_done = true;
  reloads.join();
  EXPECT_EQ(proxy.metrics.upstream_failures, 0u);
}

TEST(StartTest, TellsWhichPlaceIsTaken) {
  Server upstream;
  ManualMeter meter;
  ProxyMetrics metrics;
  const auto proxy = Proxy::Start(OptionsFor(ListenerTo(upstream.endpoint(), upstream.endpoint().text())),
                                  meter.meter, &metrics);
  EXPECT_EQ(proxy.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(proxy.status().message(),
            "cannot listen on " + upstream.endpoint().text() + ": Address already in use");
}

TEST(StartTest, ReplacesAnAbandonedUnixSocketAndNoOther) {
  const std::string place = UnixPlace("place");
  const std::string path = At(place).unix_path;
  Server upstream;
  Server(place).Close();  // leaves its socket behind
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  RunningProxy proxy(ListenerTo(upstream.endpoint(), place));
  Pair pair(proxy, &upstream);
  ExpectCarries(&pair);

  // One that is in use stays with whom it belongs to.
  ManualMeter meter;
  ProxyMetrics metrics;
  EXPECT_EQ(
      Proxy::Start(OptionsFor(ListenerTo(upstream.endpoint(), place)), meter.meter, &metrics).status().code(),
      absl::StatusCode::kAlreadyExists);
  Socket look = upstream.Accept();  // whether it is in use
  EXPECT_EQ(look.AwaitEnding(), Ending::kFin);
  Pair again(proxy, &upstream);
  ExpectCarries(&again);
}

TEST(ThreadsTest, EachCarriesItsConnections) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.threads = 4;
  RunningProxy proxy(options);
  std::vector<std::thread> clients;
  for (uint32_t seed = 0; seed < 12; ++seed) {
    clients.emplace_back([&, seed] {
      const std::string bytes = RandomBytes(1'000'000, seed);
      Socket client = proxy.Connect();
      std::thread sender([&] {
        EXPECT_TRUE(client.Send(bytes));
        client.FinishSending();
      });
      EXPECT_TRUE(client.ReceiveAll() == bytes);
      sender.join();
    });
  }
  std::vector<std::thread> echoes;
  for (size_t i = 0; i < clients.size(); ++i) {
    echoes.emplace_back([server = upstream.Accept()]() mutable {
      EXPECT_TRUE(server.Send(server.ReceiveAll()));
      server.FinishSending();
    });
  }
  for (std::vector<std::thread>* threads : {&clients, &echoes}) {
    for (std::thread& thread : *threads) thread.join();
  }
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_EQ(proxy.Connections(12).size(), 12u);
}

TEST(DrainTest, WaitsUntilConnectionsHaveEnded) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.drain = absl::Hours(1);
  RunningProxy proxy(options);
  const Endpoint place = proxy.endpoint();
  Pair pair(proxy, &upstream);
  pair.AwaitOpen();
  upstream.Close();  // so that no other connection opens
  std::atomic<bool> is_drained{false};
  std::thread drain([&] {
    proxy->Drain();
    is_drained = true;
  });
  EXPECT_TRUE(Eventually([&] { return IsRefused(place); }));
  ExpectCarries(&pair);
  EXPECT_FALSE(is_drained);
  pair.client.FinishSending();
  pair.server.FinishSending();
  EXPECT_EQ(pair.client.AwaitEnding(), Ending::kFin);
  drain.join();
  EXPECT_EQ(proxy.metrics.connections_reset, 0u);
}

TEST(DrainTest, EndsWhenItIsToldTo) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.drain = absl::Hours(1);
  RunningProxy proxy(options);
  Pair pair(proxy, &upstream);
  pair.AwaitOpen();
  std::thread drain([&] { proxy->Drain(); });
  proxy->EndDrain();
  drain.join();
  ExpectCarries(&pair);
}

TEST(DrainTest, EndsAtItsDeadlineAndTheProxyCutsTheRest) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.drain = absl::Milliseconds(50);
  RunningProxy proxy(options);
  Pair pair(proxy, &upstream);
  pair.AwaitOpen();
  proxy->Drain();
  ExpectCarries(&pair);
  proxy.Destroy();
  EXPECT_EQ(pair.client.AwaitEnding(), Ending::kReset);
  EXPECT_EQ(pair.server.AwaitEnding(), Ending::kReset);
  EXPECT_EQ(proxy.metrics.connections_open, 0);
  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_EQ(connections.size(), 1u);
  EXPECT_EQ(connections[0].sent, Bytes(9));  // all that it had carried
}

}  // namespace
}  // namespace fedcarbon::node
