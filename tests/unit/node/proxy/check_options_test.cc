#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "node/proxy/proxy.h"
#include "tests/unit/node/proxy/sockets.h"

namespace fedcarbon::node {
namespace {

using testing::At;
using ::testing::StartsWith;

ProxyOptions Good() {
  ProxyOptions options;
  options.listeners.resize(1);
  options.listeners[0].listen = At("127.0.0.1:9000");
  options.listeners[0].upstream = At("fl.example.org:9092");
  return options;
}

/// Good() with one change.
absl::Status Check(const std::function<void(ProxyOptions&)>& change) {
  ProxyOptions options = Good();
  change(options);
  return CheckProxyOptions(options);
}

absl::Status CheckListener(const std::function<void(ListenerOptions&)>& change) {
  return Check([&](ProxyOptions& options) { change(options.listeners[0]); });
}

#define EXPECT_REFUSED(status, text)                               \
  do {                                                             \
    const absl::Status refused = status;                           \
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument); \
    EXPECT_THAT(std::string(refused.message()), StartsWith(text)); \
  } while (false)

TEST(CheckOptionsTest, TakesWhatIsGood) {
  const absl::Status status = CheckProxyOptions(Good());
  EXPECT_TRUE(status.ok()) << status;
}

TEST(CheckOptionsTest, AsksForAListener) {
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.listeners.clear(); }), "no listener: name at least one");
}

TEST(CheckOptionsTest, BoundsThreads) {
  for (const int threads : {1, 64}) {
    EXPECT_TRUE(Check([=](ProxyOptions& o) { o.threads = threads; }).ok()) << threads;
  }
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.threads = 0; }), "threads 0: use 1 to 64");
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.threads = 65; }), "threads 65: use 1 to 64");
}

TEST(CheckOptionsTest, BoundsConnections) {
  for (const size_t connections : {1, 1'000'000}) {
    EXPECT_TRUE(Check([=](ProxyOptions& o) { o.connections = connections; }).ok()) << connections;
  }
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.connections = 0; }), "connections 0: use 1 to 1000000");
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.connections = 1'000'001; }),
                 "connections 1000001: use 1 to 1000000");
}

TEST(CheckOptionsTest, BoundsTheBuffer) {
  EXPECT_TRUE(Check([](ProxyOptions& o) { o.buffer = Bytes(65'536); }).ok());
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.buffer = Bytes(65'535); }),
                 "buffer 65535: use at least 65536 bytes");
}

TEST(CheckOptionsTest, BoundsTimeLimits) {
  EXPECT_TRUE(
      Check([](ProxyOptions& o) { o.connect_timeout = o.handshake_timeout = absl::Seconds(1); }).ok());
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.connect_timeout = absl::Milliseconds(999); }),
                 "connect_timeout 999ms: use at least 1s");
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.handshake_timeout = absl::Milliseconds(999); }),
                 "handshake_timeout 999ms: use at least 1s");
}

TEST(CheckOptionsTest, AllowsOneListenerAtAPlace) {
  EXPECT_REFUSED(Check([](ProxyOptions& o) { o.listeners.push_back(o.listeners[0]); }),
                 "two listeners at 127.0.0.1:9000");
  // The system chooses a different port for each.
  EXPECT_TRUE(Check([](ProxyOptions& o) {
                o.listeners[0].listen = At("127.0.0.1:0");
                o.listeners.push_back(o.listeners[0]);
              }).ok());
  EXPECT_REFUSED(Check([](ProxyOptions& o) {
                   o.listeners[0].listen = At("unix:/run/fl.sock");
                   o.listeners.push_back(o.listeners[0]);
                 }),
                 "two listeners at unix:/run/fl.sock");
}

TEST(CheckOptionsTest, AsksForTheUpstreamsPort) {
  EXPECT_REFUSED(
      CheckListener([](ListenerOptions& o) { o.upstream = At("fl.example.org:0"); }),
      "listener 127.0.0.1:9000: upstream fl.example.org:0 has port 0; name the port that it listens on");
  // What is dialled counts.
  EXPECT_TRUE(CheckListener([](ListenerOptions& o) {
                o.upstream = At("fl.example.org:0");
                o.upstream_address = At("192.0.2.1:9092");
              }).ok());
  EXPECT_REFUSED(CheckListener([](ListenerOptions& o) { o.upstream_address = At("192.0.2.1:0"); }),
                 "listener 127.0.0.1:9000: upstream 192.0.2.1:0 has port 0");
  EXPECT_TRUE(CheckListener([](ListenerOptions& o) { o.upstream = At("unix:/run/fl.sock"); }).ok());
}

TEST(CheckOptionsTest, ChecksTheNameOfTheUpstreamsNode) {
  EXPECT_TRUE(
      CheckListener([](ListenerOptions& o) { o.upstream_node = std::string(62, 'a') + ".org"; }).ok());
  EXPECT_REFUSED(CheckListener([](ListenerOptions& o) { o.upstream_node = "Aggregator"; }),
                 "listener 127.0.0.1:9000: upstream_node 'Aggregator' is no lower-case DNS name");
  EXPECT_REFUSED(CheckListener([](ListenerOptions& o) {
                   o.side = v1::END_SERVER;
                   o.upstream_node = "aggregator";
                 }),
                 "listener 127.0.0.1:9000: upstream_node is for side \"client\"");
}

TEST(CheckOptionsTest, AsksForCertificateAndKeyTogether) {
  for (std::string TlsClientOptions::*half : {&TlsClientOptions::certificate, &TlsClientOptions::key}) {
    EXPECT_REFUSED(CheckListener([half](ListenerOptions& o) { o.upstream_tls.emplace().*half = "/file"; }),
                   "listener 127.0.0.1:9000: upstream_tls: certificate and key go together");
  }
}

TEST(CheckOptionsTest, AsksForANameToCheckAtAUnixSocket) {
  const auto with_name = [](const std::string& name) {
    return CheckListener([&](ListenerOptions& o) {
      o.upstream = At("unix:/run/fl.sock");
      o.upstream_tls.emplace().server_name = name;
    });
  };
  EXPECT_TRUE(with_name("fl.example.org").ok());
  EXPECT_REFUSED(
      with_name(""),
      "listener 127.0.0.1:9000: upstream_tls: a Unix socket has no name to check; set server_name");
}

TEST(CheckOptionsTest, BoundsTheNameOfAProtocol) {
  EXPECT_TRUE(CheckListener([](ListenerOptions& o) { o.alpn = {"h", std::string(255, 'h')}; }).ok());
  for (const size_t size : {0, 256}) {
    EXPECT_REFUSED(CheckListener([=](ListenerOptions& o) {
                     o.alpn = {"h2", std::string(size, 'h')};
                   }),
                   "listener 127.0.0.1:9000: alpn: a protocol's name has 1 to 255 bytes");
  }
}

TEST(CheckOptionsTest, BoundsWhatDecodersHold) {
  EXPECT_TRUE(CheckListener([](ListenerOptions& o) {
                o.wire.streams = 1;
                o.wire.header_block = Bytes(1);
              }).ok());
  EXPECT_REFUSED(CheckListener([](ListenerOptions& o) { o.wire.streams = 0; }),
                 "listener 127.0.0.1:9000: limits: streams and header_block are at least 1");
  EXPECT_REFUSED(CheckListener([](ListenerOptions& o) { o.wire.header_block = Bytes(0); }),
                 "listener 127.0.0.1:9000: limits: streams and header_block are at least 1");
}

TEST(CheckOptionsTest, NamesTheFileThatCannotBeRead) {
  EXPECT_REFUSED(CheckListener([](ListenerOptions& o) {
                   o.tls = {"/none/chain.pem", "/none/key.pem", ""};
                 }),
                 "listener 127.0.0.1:9000: TLS certificate '/none/chain.pem': ");
  EXPECT_REFUSED(CheckListener([](ListenerOptions& o) { o.upstream_tls.emplace().ca = "/none/ca.pem"; }),
                 "listener 127.0.0.1:9000: TLS ca '/none/ca.pem': ");
}

}  // namespace
}  // namespace fedcarbon::node
