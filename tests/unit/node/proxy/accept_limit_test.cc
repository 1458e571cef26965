// Connections past a limit: they wait, and are not dropped.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>
#include <thread>

#include "tests/unit/node/proxy/running_proxy.h"

namespace fedcarbon::node {
namespace {

using testing::Ending;
using testing::Eventually;
using testing::ListenerTo;
using testing::OptionsFor;
using testing::Pair;
using testing::RunningProxy;
using testing::Server;
using testing::Socket;

/// The proxy has seen what has come until now.
void AwaitTurn(RunningProxy* proxy, const ProxyOptions& options) {
  EXPECT_TRUE((*proxy)->Reload(options).ok());  // its loop's next task
}

TEST(AcceptLimitTest, LetsTheNextOneWaitUntilOneEnds) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.connections = 2;
  RunningProxy proxy(options);
  Pair first(proxy, &upstream);
  EXPECT_EQ(proxy.metrics.accept_pauses, 0u);
  Pair second(proxy, &upstream);
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.accept_pauses == 1; }));

  Socket third = proxy.Connect();  // the kernel takes it, past the limit
  EXPECT_TRUE(third.Send("hello"));
  AwaitTurn(&proxy, options);
  EXPECT_TRUE(upstream.IsIdle());
  EXPECT_EQ(proxy.metrics.connections_accepted, 2u);

  first.client.Close();
  first.server.Close();
  Socket server = upstream.Accept();
  EXPECT_EQ(server.Receive(5), "hello");
  EXPECT_EQ(proxy.metrics.connections_accepted, 3u);
}

// More of them than seconds that a test waits: nobody's turn depends on the proxy's tick.
TEST(AcceptLimitTest, GoesOnAsSoonAsOneEnds) {
  constexpr size_t kClients = 40;
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.connections = 1;
  options.threads = 2;
  RunningProxy proxy(options);
  for (size_t i = 0; i < kClients; ++i) proxy.Connect();
  std::thread at_server([&] {
    for (size_t i = 0; i < kClients; ++i) upstream.Accept();
  });
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.connections_accepted == kClients; }));
  at_server.join();
}

TEST(AcceptLimitTest, CountsAllListenersTogether) {
  Server upstream;
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.listeners.push_back(options.listeners[0]);
  options.connections = 1;
  RunningProxy proxy(options);
  Pair first(proxy, &upstream);
  Socket second = Socket::Connect(proxy.endpoint(1));
  AwaitTurn(&proxy, options);
  EXPECT_TRUE(upstream.IsIdle());
  EXPECT_EQ(proxy.metrics.connections_accepted, 1u);
  first.client.CloseWithReset();
  upstream.Accept();
}

/// As if the process had no descriptor left, while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)).get());
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

TEST(AcceptLimitTest, WaitsForDescriptors) {
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  Pair before(proxy, &upstream);
  before.AwaitOpen();
  Socket client(FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  const SocketAddress address = NumericAddresses(proxy.endpoint()).at(0);
  {
    const NoDescriptors none;
    ASSERT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size), 0);
    EXPECT_TRUE(Eventually([&] { return proxy.metrics.accept_pauses == 1; }));
    // What is open goes on.
    EXPECT_TRUE(before.client.Send("hello"));
    EXPECT_EQ(before.server.Receive(5), "hello");
  }
  EXPECT_TRUE(client.Send("hello"));
  Socket server = upstream.Accept();
  EXPECT_EQ(server.Receive(5), "hello");
}

// A connection takes two descriptors, and some must be left for the rest of the process.
TEST(AcceptLimitTest, IsBoundedByTheDescriptorsThereAre) {
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = 64 + 4;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  Server upstream;
  RunningProxy proxy(upstream.endpoint());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  Pair first(proxy, &upstream);
  EXPECT_EQ(proxy.metrics.accept_pauses, 0u);
  Pair second(proxy, &upstream);
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.accept_pauses == 1; }));
  Socket third = proxy.Connect();
  second.client.CloseWithReset();
  upstream.Accept();
}

}  // namespace
}  // namespace fedcarbon::node
