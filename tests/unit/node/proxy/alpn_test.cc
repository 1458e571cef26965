// Which protocol either end is told that the other speaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/node/proxy/tls_fixture.h"

namespace fedcarbon::node {
namespace {

using ::testing::ElementsAre;
using testing::Ending;
using ::testing::IsEmpty;
using testing::RunningProxy;
using testing::Socket;
using testing::TlsEnd;
using testing::TlsSettings;
using testing::TlsTest;

using Names = std::vector<std::string>;

class AlpnTest : public TlsTest {
 protected:
  TlsSettings Client(Names alpn) const {
    TlsSettings settings = ClientSettings();
    settings.alpn = std::move(alpn);
    return settings;
  }
  TlsSettings Serving(Names alpn) const {
    TlsSettings settings = ServerSettings();
    settings.alpn = std::move(alpn);
    return settings;
  }

  /// What a client that offers `offered` is told by a proxy without TLS upstream.
  std::string ChosenInTheClear(const ListenerOptions& options, Names offered) {
    RunningProxy proxy(options);
    auto [client, server] = MeetAny(proxy, Client(std::move(offered)), std::nullopt);
    EXPECT_TRUE(std::get<TlsEnd>(client).is_open());
    return std::get<TlsEnd>(client).protocol();
  }

  /// What a server with TLS is offered for a client in the clear that says `words`, one at a time.
  Names OfferedFor(const ListenerOptions& options, const Names& words) {
    RunningProxy proxy(options);
    Socket client = proxy.Connect();
    std::thread speaks([&] {
      for (const std::string& word : words) EXPECT_TRUE(client.Send(word));
      client.FinishSending();
    });
    TlsEnd server = TlsEnd::Accept(upstream_.Accept(), Serving({"h2", "http/1.1"}));
    EXPECT_TRUE(server.is_open());
    std::string all;
    for (const std::string& word : words) all += word;
    EXPECT_EQ(server.ReceiveAll(), all);
    speaks.join();
    return server.offered();
  }
};

TEST_F(AlpnTest, OffersTheClientsListAndGivesTheChoiceBack) {
  RunningProxy proxy(Listener(true, true));
  for (const char* choice : {"h2", "http/1.1", "acme"}) {
    auto [client, server] = Meet(proxy, Client({"acme", "h2", "http/1.1"}), Serving({choice}));
    EXPECT_THAT(server.offered(), ElementsAre("acme", "h2", "http/1.1"));
    EXPECT_EQ(client.protocol(), choice);
    EXPECT_EQ(server.protocol(), choice);
  }
}

TEST_F(AlpnTest, NamesNoneWhereTheUpstreamNamesNone) {
  RunningProxy proxy(Listener(true, true));
  auto [client, server] = Meet(proxy, Client({"h2"}), Serving({}));
  EXPECT_THAT(server.offered(), ElementsAre("h2"));
  EXPECT_TRUE(client.is_open());
  EXPECT_EQ(client.protocol(), "");
}

TEST_F(AlpnTest, OffersNoneWhereTheClientOffersNone) {
  RunningProxy proxy(Listener(true, true));
  auto [client, server] = Meet(proxy, Client({}), Serving({"h2"}));
  EXPECT_THAT(server.offered(), IsEmpty());
  EXPECT_EQ(client.protocol(), "");
}

TEST_F(AlpnTest, LetsTheClientsHandshakeWaitForTheChoice) {
  RunningProxy proxy(Listener(true, true));
  std::atomic<bool> is_through{false};
  std::thread client([&] {
    const TlsEnd end = TlsEnd::Connect(proxy.Connect(), Client({"h2", "http/1.1"}));
    is_through = true;
    EXPECT_EQ(end.protocol(), "http/1.1");
  });
  Socket accepted = upstream_.Accept();
  char hello;
  EXPECT_EQ(recv(accepted.get(), &hello, 1, MSG_PEEK),
            1);  // the proxy's ClientHello: it has read the client's
  EXPECT_FALSE(is_through);
  const TlsEnd server = TlsEnd::Accept(std::move(accepted), Serving({"http/1.1"}));
  client.join();
  EXPECT_EQ(server.protocol(), "http/1.1");
}

TEST_F(AlpnTest, LetsTheFirstBytesOfAClientInTheClearDecide) {
  const ListenerOptions options = Listener(false, true);
  EXPECT_THAT(OfferedFor(options, {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}), ElementsAre("h2"));
  EXPECT_THAT(OfferedFor(options, {"P", "R", "I", " ", "*", " HTTP/2.0\r\n\r\nSM\r\n\r\n"}),
              ElementsAre("h2"));
  EXPECT_THAT(OfferedFor(options, {"GET / HTTP/1.1\r\n\r\n"}), IsEmpty());
  EXPECT_THAT(OfferedFor(options, {"P", "OST / HTTP/1.1\r\n\r\n"}), IsEmpty());
  EXPECT_THAT(OfferedFor(options, {"PRI", "X"}), IsEmpty());
  EXPECT_THAT(OfferedFor(options, {"PRI "}), IsEmpty());  // and no more
  EXPECT_THAT(OfferedFor(options, {}), IsEmpty());        // not a word
}

TEST_F(AlpnTest, ForgetsAClientInTheClearThatResetsBeforeItSaysEnough) {
  RunningProxy proxy(Listener(false, true));
  Socket client = proxy.Connect();
  EXPECT_TRUE(client.Send("PR"));
  EXPECT_TRUE(testing::Eventually([&] { return proxy.metrics.connections_accepted == 1; }));
  client.CloseWithReset();
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_TRUE(upstream_.IsIdle());
}

TEST_F(AlpnTest, PrefersHttp2TowardsAnUpstreamInTheClear) {
  const ListenerOptions options = Listener(true, false);
  EXPECT_EQ(ChosenInTheClear(options, {"http/1.1", "h2"}), "h2");
  EXPECT_EQ(ChosenInTheClear(options, {"http/1.1"}), "http/1.1");
  EXPECT_EQ(ChosenInTheClear(options, {"acme"}), "");
  EXPECT_EQ(ChosenInTheClear(options, {}), "");
}

TEST_F(AlpnTest, TakesTheListenersListInsteadOfAll) {
  ListenerOptions options = Listener(true, false);
  options.alpn = {"http/1.1", "acme"};
  EXPECT_EQ(ChosenInTheClear(options, {"h2", "acme", "http/1.1"}), "http/1.1");
  EXPECT_EQ(ChosenInTheClear(options, {"acme"}), "acme");
  EXPECT_EQ(ChosenInTheClear(options, {"h2"}), "");

  options = Listener(false, true);
  options.alpn = {"http/1.1"};
  EXPECT_THAT(OfferedFor(options, {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}), ElementsAre("http/1.1"));

  options = Listener(true, true);
  options.alpn = {"h2", "acme"};
  RunningProxy proxy(options);
  auto [client, server] = Meet(proxy, Client({"http/1.1", "acme"}), Serving({"acme", "h2"}));
  EXPECT_THAT(server.offered(), ElementsAre("h2", "acme"));
  EXPECT_EQ(client.protocol(), "acme");
}

}  // namespace
}  // namespace fedcarbon::node
