// Message bytes against the kernel's own count of the bytes on the connection (TCP_INFO): a counter that
// shares nothing with gRPC or with us.
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "tests/unit/meter/grpc/echo_client.h"
#include "tests/unit/meter/grpc/echo_server.h"
#include "tests/unit/meter/grpc/metered_node.h"

namespace fedcarbon::test {
namespace {

// Of the TCP sockets of this process that are connected to `port`; what was sent again counts once.
struct KernelCount {
  int sockets = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
};

KernelCount CountConnectionsTo(uint16_t port) {
  KernelCount count;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    sockaddr_in6 peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (peer.sin6_family != AF_INET && peer.sin6_family != AF_INET6) continue;
    if (ntohs(peer.sin6_port) != port) continue;  // at the same place in sockaddr_in
    tcp_info info{};
    size = sizeof(info);
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
    EXPECT_GT(size, offsetof(tcp_info, tcpi_bytes_sent)) << "the kernel is too old to count";
    ++count.sockets;
    count.sent += info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
    count.received += info.tcpi_bytes_received;
  }
  return count;
}

void ExpectWithinOnePercent(uint64_t metered, uint64_t kernel) {
  EXPECT_LE(metered, kernel);
  EXPECT_GE(static_cast<double>(metered), 0.99 * static_cast<double>(kernel));
}

class KernelTest : public testing::TestWithParam<Method> {};

TEST_P(KernelTest, LargeMessagesAreWithinOnePercentOfTheConnectionsBytes) {
  MeteredNode aggregator("aggregator.test"), hospital("hospital.test");
  const auto server = StartEchoServer(ServerStyle::kSync, aggregator.meter);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel = CreateMeteredChannel(server->address(), grpc::InsecureChannelCredentials(),
                                            hospital.meter, {}, arguments);
  constexpr int kCalls = 5;
  for (int i = 0; i < kCalls; ++i) {
    grpc::ClientContext context;
    const auto requests = {Data(1'000'000, 3), Data(2'000'000, 3)};
    ASSERT_TRUE(Call(ClientStyle::kSync, GetParam(), channel, &context, requests).status.ok());
  }
  uint64_t sent = 0, received = 0;
  const auto transfers = hospital.facts->Await<Transfer>(kCalls);
  ASSERT_EQ(transfers.size(), kCalls);
  for (const Transfer& transfer : transfers) {
    sent += CountsOf(transfer.sent).bytes;
    received += CountsOf(transfer.received).bytes;
  }
  const std::string& address = server->address();
  const KernelCount kernel = CountConnectionsTo(std::stoi(address.substr(address.find(':') + 1)));
  ASSERT_GE(kernel.sockets, 1);
  ExpectWithinOnePercent(sent, kernel.sent);
  ExpectWithinOnePercent(received, kernel.received);
}

INSTANTIATE_TEST_SUITE_P(EveryMethod, KernelTest, testing::ValuesIn(kMethods),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace fedcarbon::test
