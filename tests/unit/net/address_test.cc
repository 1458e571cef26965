#include "fedcarbon/net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fedcarbon {
namespace {

using ::testing::HasSubstr;

TEST(Address, ReadsHostAndPortAndWritesThemAgain) {
  struct Case {
    const char* text;
    const char* host;
    int port;
  };
  const Case cases[] = {{"127.0.0.1:7433", "127.0.0.1", 7433},
                        {"superlink.example.org:9092", "superlink.example.org", 9092},
                        {"[::1]:80", "::1", 80},
                        {"[fe80::1%eth0]:80", "fe80::1%eth0", 80},
                        {"0.0.0.0:0", "0.0.0.0", 0},
                        {"localhost:65535", "localhost", 65535}};
  for (const Case& c : cases) {
    const absl::StatusOr<Address> address = ParseAddress(c.text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
    EXPECT_EQ(address->text(), c.text);
  }
}

TEST(Address, AnErrorNamesTheTextAndWhatIsWrongWithIt) {
  struct Case {
    const char* text;
    const char* what;
  };
  const Case cases[] = {{"", "no port"},
                        {"localhost", "no port"},
                        {":80", "no host"},
                        {"::1:80", "in brackets"},
                        {"[]:80", "in brackets"},
                        {"[localhost]:80", "in brackets"},
                        {"[::1:80", "in brackets"},
                        {"localhost:", "from 0 to 65535"},
                        {"localhost:65536", "from 0 to 65535"},
                        {"localhost:99999999999999999999", "from 0 to 65535"},
                        {"localhost:-1", "from 0 to 65535"},
                        {"localhost:+1", "from 0 to 65535"},
                        {"localhost: 1", "from 0 to 65535"},
                        {"localhost:1x", "from 0 to 65535"},
                        {"[::1]", "in brackets"}};
  for (const Case& c : cases) {
    const absl::Status status = ParseAddress(c.text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("'" + std::string(c.text) + "'"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.what)) << c.text;
  }
}

TEST(Address, LoopbackIsWhatOnlyThisMachineReaches) {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.8.7", "::1"}) {
    EXPECT_TRUE((Address{host, 1}.is_loopback())) << host;
  }
  for (const char* host : {"0.0.0.0", "128.0.0.1", "::", "::2", "127.0.0.1.example.org", "10.0.0.1", ""}) {
    EXPECT_FALSE((Address{host, 1}.is_loopback())) << host;
  }
}

}  // namespace
}  // namespace fedcarbon
