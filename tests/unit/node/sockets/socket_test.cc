#include "node/sockets/socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "fedcarbon/net/endpoint.h"
#include "tests/unit/node/proxy/sockets.h"

namespace fedcarbon::node {
namespace {

std::string Congestion(int fd) {
  char name[16] = "";
  socklen_t size = sizeof(name);
  getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size);
  return name;
}

class LoopbackTest : public ::testing::TestWithParam<const char*> {};

TEST_P(LoopbackTest, IsNotPaced) {
  Endpoint any;
  any.address.host = GetParam();
  const absl::StatusOr<FileDescriptor> listener = Listen(any);
  ASSERT_TRUE(listener.ok()) << listener.status();
  const std::vector<SocketAddress> addresses = NumericAddresses(BoundEndpoint(any, listener->get()));
  ASSERT_EQ(addresses.size(), 1u);

  int error = 0;
  const FileDescriptor client = BeginConnect(addresses[0], &error);
  ASSERT_EQ(error, 0);
  PrepareForRelay(client.get());
  EXPECT_EQ(Congestion(client.get()), "reno");
}

// Neither end would hear of it by its own probes: these reach no further than the proxy.
TEST(PrepareForRelayTest, FindsOutWithinTwoMinutesThatAPeerHasVanished) {
  testing::Server server;
  const testing::Socket client = testing::Socket::Connect(server.endpoint());
  PrepareForRelay(client.get());
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t size = sizeof(value);
    EXPECT_EQ(getsockopt(client.get(), level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_LE(option(IPPROTO_TCP, TCP_KEEPIDLE) +
                option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT),
            120);
}

// Of what the other end's FIN does to the count, whenever it comes.
TEST(KernelCountTest, NeverCountsTheFin) {
  testing::Server server;
  for (int i = 0; i < 1'000; ++i) {
    testing::Socket peer = testing::Socket::Connect(server.endpoint());
    testing::Socket end = server.Accept();
    ASSERT_TRUE(peer.Send("12345"));
    ASSERT_EQ(end.Receive(5), "12345");
    std::atomic<bool> begins = false;
    std::thread last([&] {
      while (!begins) {
      }
      peer.FinishSending();
    });
    begins = true;
    for (int j = 0; j < 20; ++j) {
      const std::optional<KernelCount> count = ReadKernelCount(end.get());
      ASSERT_TRUE(count.has_value());
      ASSERT_EQ(count->received, Bytes(5));
    }
    last.join();
    EXPECT_EQ(end.AwaitEnding(), testing::Ending::kFin);
    EXPECT_EQ(ReadKernelCount(end.get())->received, Bytes(5));
  }
}

TEST(KernelCountTest, KnowsNothingAfterAReset) {
  testing::Server server;
  testing::Socket peer = testing::Socket::Connect(server.endpoint());
  const testing::Socket end = server.Accept();
  peer.CloseWithReset();
  EXPECT_FALSE(ReadKernelCount(end.get()).has_value());
}

INSTANTIATE_TEST_SUITE_P(Addresses, LoopbackTest, ::testing::Values("127.0.0.1", "127.9.9.9", "::1"));

}  // namespace
}  // namespace fedcarbon::node
