#include "node/proxy/socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>

#include "node/proxy/endpoint.h"

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

INSTANTIATE_TEST_SUITE_P(Addresses, LoopbackTest, ::testing::Values("127.0.0.1", "127.9.9.9", "::1"));

}  // namespace
}  // namespace fedcarbon::node
