// TLS on either leg: ended and begun again around the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "tests/unit/node/proxy/log_capture.h"
#include "tests/unit/node/proxy/tls_fixture.h"

namespace fedcarbon::node {
namespace {

using ::testing::AllOf;
using testing::AnyEnd;
using testing::At;
using testing::Authority;
using ::testing::ElementsAre;
using testing::Ending;
using testing::Eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KeyPair;
using testing::LogCapture;
using testing::OptionsFor;
using testing::RandomBytes;
using testing::RunningProxy;
using testing::Server;
using ::testing::SizeIs;
using testing::Socket;
using testing::TlsEnd;
using testing::TlsSettings;
using testing::TlsTest;

// ---- What passes

/// TLS downstream, TLS upstream, version, side.
class TlsLegsTest : public TlsTest,
                    public ::testing::WithParamInterface<std::tuple<bool, bool, int, v1::End>> {
 protected:
  ListenerOptions Listener() const {
    const auto& [downstream, upstream, version, side] = GetParam();
    ListenerOptions options = TlsTest::Listener(downstream, upstream);
    options.side = side;
    options.alpn = {"h2"};  // nothing waits for a cleartext client's first bytes
    return options;
  }

  std::pair<AnyEnd, AnyEnd> Meet(const RunningProxy& proxy) {
    const auto& [downstream, upstream, version, side] = GetParam();
    std::optional<TlsSettings> client, server;
    if (downstream) (client = ClientSettings())->version = version;
    if (upstream) (server = ServerSettings())->version = version;
    return MeetAny(proxy, client, server);
  }
};

TEST_P(TlsLegsTest, CarriesBytesAndEndsAndCountsAsTheKernel) {
  const bool is_client = std::get<v1::End>(GetParam()) == v1::END_CLIENT;
  const bool is_counted_leg_sealed = is_client ? std::get<1>(GetParam()) : std::get<0>(GetParam());
  RunningProxy proxy(Listener());
  auto [any_client, any_server] = Meet(proxy);
  std::visit(
      [&](auto& client, auto& server) {
        const std::string request = RandomBytes(3'000'001);
        const std::string answer = RandomBytes(5'000'003, 2);
        std::thread up([&, &client = client] { EXPECT_TRUE(client.Send(request)); });
        EXPECT_TRUE(server.Receive(request.size()) == request);
        up.join();
        std::thread down([&, &server = server] {
          EXPECT_TRUE(server.Send(answer));
          server.FinishSending();
        });
        EXPECT_TRUE(client.ReceiveAll() == answer);
        EXPECT_TRUE(client.ended_in_order());
        down.join();
        client.FinishSending();
        EXPECT_EQ(server.ReceiveAll(), "");
        EXPECT_TRUE(server.ended_in_order());

        const std::vector<Connection> connections = proxy.Connections(1);
        ASSERT_THAT(connections, SizeIs(1));
        EXPECT_EQ(connections[0].handshakes, is_counted_leg_sealed ? 1u : 0u);
        // The leg at the node's end, as its peer's kernel saw it; that counts the proxy's FIN as a byte.
        const tcp_info info = (is_client ? server.socket() : client.socket()).Info();
        EXPECT_EQ(connections[0].sent, Bytes(info.tcpi_bytes_received - 1));
        EXPECT_EQ(connections[0].received, Bytes(info.tcpi_bytes_sent - info.tcpi_bytes_retrans));
        EXPECT_GE(connections[0].sent, Bytes(is_client ? request.size() : answer.size()));
      },
      any_client, any_server);
  EXPECT_EQ(proxy.metrics.kernel_checked, 2u);
  EXPECT_EQ(proxy.metrics.kernel_differed, 0u);
  EXPECT_EQ(proxy.metrics.connections_reset, 0u);
  EXPECT_EQ(proxy.metrics.handshake_failures, 0u);
}

TEST_P(TlsLegsTest, PassesOnAReset) {
  RunningProxy proxy(Listener());
  for (const bool by_client : {true, false}) {
    auto [any_client, any_server] = Meet(proxy);
    std::visit(
        [&](auto& client, auto& server) {
          EXPECT_TRUE(client.Send("question"));
          EXPECT_EQ(server.Receive(8), "question");
          EXPECT_TRUE(server.Send("answer"));
          EXPECT_EQ(client.Receive(6), "answer");
          (by_client ? client.socket() : server.socket()).CloseWithReset();
          EXPECT_EQ((by_client ? server.socket() : client.socket()).AwaitEnding(), Ending::kReset);
        },
        any_client, any_server);
  }
  EXPECT_TRUE(proxy.AwaitOpen(0));
}

TEST_P(TlsLegsTest, DeliversAnEarlyAnswerWhileTheClientStillSends) {
  RunningProxy proxy(Listener());
  auto [any_client, any_server] = Meet(proxy);
  std::visit(
      [&](auto& client, auto& server) {
        const std::string request = RandomBytes(8'000'000);
        // An OpenSSL connection is one thread's: this one reads once it could not write any more.
        std::thread at_server([&server = server] {
          EXPECT_EQ(server.Receive(1'000).size(), 1'000u);
          EXPECT_TRUE(server.Send("413 too large"));
          server.socket().Close();  // with the rest unread: a reset
        });
        client.Send(request);  // in vain
        at_server.join();
        EXPECT_EQ(client.Receive(13), "413 too large");
      },
      any_client, any_server);
  EXPECT_TRUE(proxy.AwaitOpen(0));
}

INSTANTIATE_TEST_SUITE_P(Legs, TlsLegsTest,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(),
                                            ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                                            ::testing::Values(v1::END_CLIENT, v1::END_SERVER)));

// An end without close_notify may be an attacker's: it is not passed on as one in order.
TEST_F(TlsTest, PassesOnThatAnEndWasCut) {
  RunningProxy proxy(Listener(true, true));
  auto [client, server] = Meet(proxy, ClientSettings(), ServerSettings());
  EXPECT_TRUE(client.Send("half a ques"));
  client.socket().FinishSending();
  EXPECT_EQ(server.ReceiveAll(), "half a ques");
  EXPECT_EQ(server.ending(), TlsEnd::Ending::kTruncated);
}

TEST_F(TlsTest, HoldsLittleForASlowReaderAndLosesNothing) {
  ProxyOptions options = OptionsFor(Listener(true, true));
  options.buffer = Bytes(64 << 10);
  RunningProxy proxy(options);
  auto [client, server] = Meet(proxy, ClientSettings(), ServerSettings());
  const std::string request = RandomBytes(32'000'000);
  std::thread sender([&, &client = client] {
    EXPECT_TRUE(client.Send(request));
    client.FinishSending();
  });
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.held_bytes > 0; }));
  EXPECT_LE(proxy.metrics.held_bytes, 16 << 10);
  EXPECT_TRUE(server.ReceiveAll() == request);
  sender.join();
}

// ---- What does not

TEST_F(TlsTest, CarriesWhatComesAroundNewKeys) {
  RunningProxy proxy(Listener(true, true));
  auto [client, server] = Meet(proxy, ClientSettings(), ServerSettings());
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(client.SendKeyUpdates(1));
    EXPECT_TRUE(client.Send("question"));
    EXPECT_EQ(server.Receive(8), "question");
    EXPECT_TRUE(server.SendKeyUpdates(20));
    EXPECT_TRUE(server.Send("answer"));
    EXPECT_EQ(client.Receive(6), "answer");
  }
}

// A thread has more to do than to work out keys that protect nothing.
TEST_F(TlsTest, ResetsWhoOnlyChangesKeys) {
  RunningProxy proxy(Listener(true, true));
  auto [client, server] = Meet(proxy, ClientSettings(), ServerSettings());
  EXPECT_TRUE(client.Send("question"));
  EXPECT_EQ(server.Receive(8), "question");
  client.SendKeyUpdates(60'000);
  EXPECT_EQ(server.socket().AwaitEnding(), Ending::kReset);
  EXPECT_TRUE(proxy.AwaitOpen(0));
}

TEST_F(TlsTest, ResetsWhoSendsGarbageAfterTheHandshake) {
  RunningProxy proxy(Listener(true, true));
  const std::string record_of_noise = std::string("\x17\x03\x03\x20\x00", 5) + RandomBytes(8'192);
  for (const bool is_client : {true, false}) {
    auto [client, server] = Meet(proxy, ClientSettings(), ServerSettings());
    EXPECT_TRUE(client.Send("question"));
    EXPECT_EQ(server.Receive(8), "question");
    EXPECT_TRUE((is_client ? client : server).socket().Send(record_of_noise));
    TlsEnd& other = is_client ? server : client;
    EXPECT_EQ(other.ReceiveAll(), "");
    EXPECT_EQ(other.ending(), TlsEnd::Ending::kReset);
  }
  EXPECT_TRUE(proxy.AwaitOpen(0));
}

TEST_F(TlsTest, ResetsWhoSendsGarbage) {
  RunningProxy proxy(Listener(true, true));
  for (const std::string& garbage : {std::string("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), RandomBytes(10'000),
                                     std::string("\x16\x03\x01\x00\x05hello", 10)}) {
    Socket client = proxy.Connect();
    client.Send(garbage);
    client.ReceiveAll();  // maybe an alert
    EXPECT_EQ(client.ending(), Ending::kReset);
  }
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_EQ(proxy.metrics.handshake_failures, 3u);
  EXPECT_TRUE(upstream_.IsIdle());  // it never hears of them
}

TEST_F(TlsTest, ResetsWhoseUpstreamSendsGarbage) {
  const LogCapture log;
  RunningProxy proxy(Listener(true, true));
  std::thread server([&] {
    Socket socket = upstream_.Accept();
    socket.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.ReceiveAll();
  });
  const TlsEnd client = TlsEnd::Connect(proxy.Connect(), ClientSettings());
  EXPECT_FALSE(client.is_open());
  server.join();
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("its TLS handshake failed: wrong version number;")));
}

TEST_F(TlsTest, ResetsWhoSaysNothingInTime) {
  ProxyOptions options = OptionsFor(Listener(true, false));
  options.handshake_timeout = absl::Hours(1);
  RunningProxy proxy(options);
  options.handshake_timeout = absl::Seconds(1);
  ASSERT_TRUE(proxy->Reload(options).ok());  // takes over the time limit
  Socket client = proxy.Connect();
  EXPECT_EQ(client.AwaitEnding(), Ending::kReset);
  EXPECT_EQ(proxy.metrics.handshake_failures, 1u);
}

TEST_F(TlsTest, ResetsWhoseUpstreamSaysNothingInTime) {
  ProxyOptions options = OptionsFor(Listener(true, true));
  options.handshake_timeout = absl::Seconds(1);
  RunningProxy proxy(options);
  const TlsEnd client = TlsEnd::Connect(proxy.Connect(), ClientSettings());
  EXPECT_FALSE(client.is_open());
  EXPECT_EQ(proxy.metrics.upstream_failures, 1u);
}

// ---- Who is who

class UpstreamNameTest : public TlsTest {
 protected:
  /// The upstream as `options` name it and its certificate as it stands.
  void Connect(const ListenerOptions& options) {
    RunningProxy proxy(options);
    auto [client, server] = Meet(proxy, ClientSettings(), ServerSettings());
    is_open_ = client.is_open() && client.Send("hello") && server.Receive(5) == "hello";
    asked_for_ = server.asked_for();
    EXPECT_TRUE(is_open_ || client.ReceiveAll().empty());
    failures_ = proxy.metrics.upstream_failures;
  }

  void ExpectRefused(const ListenerOptions& options, const std::string& why) {
    const LogCapture log;
    Connect(options);
    EXPECT_FALSE(is_open_);
    EXPECT_EQ(failures_, 1u);
    EXPECT_THAT(log.lines(),
                ElementsAre(AllOf(HasSubstr("upstream " + options.upstream.text() + " is not reached"),
                                  HasSubstr("its TLS handshake failed: certificate verify failed: " + why))));
  }

  bool is_open_ = false;
  std::string asked_for_;
  uint64_t failures_ = 0;
};

TEST_F(UpstreamNameTest, IsTheUpstreamsHost) {
  ListenerOptions options = Listener(true, true);
  options.upstream = At("fl.example.org:443");
  options.upstream_address = upstream_.endpoint();
  Connect(options);
  EXPECT_TRUE(is_open_);
  EXPECT_EQ(asked_for_, "fl.example.org");

  options.upstream = At("other.example.org:443");
  ExpectRefused(options, "hostname mismatch");
  EXPECT_EQ(asked_for_, "other.example.org");
}

TEST_F(UpstreamNameTest, IsTheOneThatIsSetInsteadOfTheHost) {
  ListenerOptions options = Listener(true, true);
  options.upstream = At("alias.example.org:443");
  options.upstream_address = upstream_.endpoint();
  options.upstream_tls->server_name = "fl.example.org";
  Connect(options);
  EXPECT_TRUE(is_open_);
  EXPECT_EQ(asked_for_, "fl.example.org");
}

TEST_F(UpstreamNameTest, MayBeAnAddress) {
  Connect(Listener(true, true));  // 127.0.0.1
  EXPECT_TRUE(is_open_);
  EXPECT_EQ(asked_for_, "");  // an address is no name for SNI

  ListenerOptions options = Listener(true, true);
  options.upstream_tls->server_name = "127.0.0.2";
  ExpectRefused(options, "IP address mismatch");
}

TEST_F(UpstreamNameTest, MustBeVouchedForByATrustedAuthority) {
  const Authority another;
  ListenerOptions options = Listener(true, true);
  options.upstream_tls->ca = another.ca();
  ExpectRefused(options, "unable to get local issuer certificate");
  options.upstream_tls->ca = "";  // the system's
  ExpectRefused(options, "unable to get local issuer certificate");
}

TEST_F(TlsTest, ShowsTheNodesCertificateToTheUpstream) {
  const KeyPair own = authority_.Issue("DNS:hospital-a", "hospital-a");
  TlsSettings server_settings = ServerSettings();
  server_settings.ca = authority_.ca();  // asks for one
  ListenerOptions options = Listener(true, true);
  options.upstream_tls->certificate = own.certificate;
  options.upstream_tls->key = own.key;
  {
    RunningProxy proxy(options);
    auto [client, server] = Meet(proxy, ClientSettings(), server_settings);
    EXPECT_TRUE(client.Send("hello"));
    EXPECT_EQ(server.Receive(5), "hello");
    EXPECT_EQ(server.peer_name(), "hospital-a");
  }
  // Without one the upstream refuses, and the client's connection ends.
  RunningProxy proxy(Listener(true, true));
  auto [client, server] = Meet(proxy, ClientSettings(), server_settings);
  EXPECT_FALSE(server.is_open());
  EXPECT_EQ(client.Receive(1), "");
}

TEST_F(TlsTest, AsksClientsForACertificate) {
  const KeyPair own = authority_.Issue("DNS:hospital-b", "hospital-b");
  ListenerOptions options = Listener(true, false);
  options.side = v1::END_SERVER;
  options.tls->client_ca = authority_.ca();
  RunningProxy proxy(options);

  TlsSettings with = ClientSettings();
  with.own = own;
  auto [any_client, any_server] = MeetAny(proxy, with, std::nullopt);
  TlsEnd& client = std::get<TlsEnd>(any_client);
  Socket& server = std::get<Socket>(any_server);
  EXPECT_TRUE(client.Send("hello"));
  EXPECT_EQ(server.Receive(5), "hello");
  client.FinishSending();
  server.FinishSending();
  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_THAT(connections, SizeIs(1));
  EXPECT_EQ(connections[0].peer, "hospital-b");

  const Authority another;
  const KeyPair forged = another.Issue("DNS:hospital-b", "hospital-b");
  for (const KeyPair& shown : {KeyPair(), forged}) {
    TlsSettings without = ClientSettings();
    without.own = shown;
    const uint64_t failures = proxy.metrics.handshake_failures;
    auto [refused, unused] = MeetAny(proxy, without, std::nullopt);
    EXPECT_EQ(std::get<TlsEnd>(refused).Receive(1), "");
    EXPECT_EQ(std::get<Socket>(unused).AwaitEnding(), Ending::kReset);
    EXPECT_EQ(proxy.metrics.handshake_failures, failures + 1);
  }
}

TEST_F(TlsTest, AsksNoClientWithoutAnAuthority) {
  RunningProxy proxy(Listener(true, true));
  TlsSettings with = ClientSettings();
  with.own = authority_.Issue("DNS:hospital-b", "hospital-b");
  for (const TlsSettings& settings : {ClientSettings(), with}) {
    auto [client, server] = Meet(proxy, settings, ServerSettings());
    EXPECT_TRUE(client.Send("hello"));
    EXPECT_EQ(server.Receive(5), "hello");
  }
}

TEST_F(TlsTest, ReadsCertificatesAgainWhenTheyChange) {
  RunningProxy proxy(Listener(true, true));
  auto [before, server] = Meet(proxy, ClientSettings(), ServerSettings());
  const long old_serial = before.peer_serial();
  authority_.Issue("DNS:proxy.example.org", "proxy");  // in the same files
  EXPECT_TRUE(Eventually([&] {
    auto [after, server_after] = Meet(proxy, ClientSettings(), ServerSettings());
    return after.is_open() && after.peer_serial() != old_serial;
  }));
  EXPECT_TRUE(before.Send("hello"));
  EXPECT_EQ(server.Receive(5), "hello");
}

// ---- Sealed

TEST_F(TlsTest, PassesThroughWhatItMayNotOpen) {
  RunningProxy proxy(Listener(false, false));
  auto [client, server] = Meet(proxy, ClientSettings(), ServerSettings());
  const std::string request = RandomBytes(1'000'000);
  std::thread sender([&, &client = client] {
    EXPECT_TRUE(client.Send(request));
    client.FinishSending();
  });
  EXPECT_TRUE(server.ReceiveAll() == request);
  EXPECT_TRUE(server.ended_in_order());
  sender.join();
  EXPECT_EQ(client.peer_name(), "server");  // its own certificate
  client.socket().FinishSending();
  server.FinishSending();
  server.socket().FinishSending();
  const std::vector<Connection> connections = proxy.Connections(1);
  ASSERT_THAT(connections, SizeIs(1));
  EXPECT_EQ(connections[0].protocol, "tls");
  EXPECT_EQ(connections[0].handshakes, 0u);  // not the proxy's
  EXPECT_EQ(connections[0].sent, Bytes(server.socket().Info().tcpi_bytes_received - 1));
  EXPECT_THAT(proxy.meter.sink->All<Transfer>(), IsEmpty());
  EXPECT_THAT(proxy.meter.sink->All<Gap>(), IsEmpty());
  EXPECT_EQ(proxy.metrics.gaps, 0u);
}

}  // namespace
}  // namespace fedcarbon::node
