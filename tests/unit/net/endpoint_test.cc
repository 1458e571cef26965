#include "fedcarbon/net/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fedcarbon {
namespace {

using ::testing::HasSubstr;

TEST(EndpointTest, ReadsHostAndPort) {
  const absl::StatusOr<Endpoint> endpoint = ParseEndpoint("fl.example.org:9092");
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->address.host, "fl.example.org");
  EXPECT_EQ(endpoint->address.port, 9092);
  EXPECT_FALSE(endpoint->is_unix());
  EXPECT_EQ(endpoint->text(), "fl.example.org:9092");
}

TEST(EndpointTest, ReadsIpv6InBrackets) {
  const absl::StatusOr<Endpoint> endpoint = ParseEndpoint("[::1]:0");
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->address.host, "::1");
  EXPECT_EQ(endpoint->address.port, 0);
  EXPECT_EQ(endpoint->text(), "[::1]:0");
}

TEST(EndpointTest, ReadsUnixSocket) {
  const absl::StatusOr<Endpoint> endpoint = ParseEndpoint("unix:/run/fl:1.sock");
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_TRUE(endpoint->is_unix());
  EXPECT_EQ(endpoint->unix_path, "/run/fl:1.sock");
  EXPECT_EQ(endpoint->text(), "unix:/run/fl:1.sock");
}

TEST(EndpointTest, BoundsThePathOfAUnixSocket) {
  EXPECT_TRUE(ParseEndpoint("unix:" + std::string(107, 'p')).ok());
  for (const std::string& path : {std::string(), std::string(108, 'p')}) {
    const absl::StatusOr<Endpoint> endpoint = ParseEndpoint("unix:" + path);
    EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(
        std::string(endpoint.status().message()),
        HasSubstr("unix:" + path + "' is no Unix socket: write unix:PATH with a path of 1 to 107 bytes"));
  }
}

TEST(EndpointTest, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "host", "host:", ":1", "host:65536", "::1:80", "host:port", "UNIX:/run/x"}) {
    const absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
    EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(endpoint.status().message()),
                HasSubstr(std::string("'") + text + "' is no address"));
  }
}

TEST(EndpointTest, EqualsByWhatItNames) {
  EXPECT_EQ(*ParseEndpoint("host:1"), *ParseEndpoint("host:1"));
  EXPECT_FALSE(*ParseEndpoint("host:1") == *ParseEndpoint("host:2"));
  EXPECT_FALSE(*ParseEndpoint("unix:host:1") == *ParseEndpoint("host:1"));
}

}  // namespace
}  // namespace fedcarbon
