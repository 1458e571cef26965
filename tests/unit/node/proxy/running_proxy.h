// A proxy between sockets of a test, with a Meter that keeps what it is told.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include "node/proxy/proxy.h"
#include "tests/unit/meter/collector.h"
#include "tests/unit/node/proxy/sockets.h"

namespace fedcarbon::node::testing {

inline ListenerOptions ListenerTo(const Endpoint& upstream, const std::string& listen = "127.0.0.1:0") {
  ListenerOptions options;
  options.listen = At(listen);
  options.upstream = upstream;
  return options;
}

inline ProxyOptions OptionsFor(ListenerOptions listener) {
  ProxyOptions options;
  options.listeners.push_back(std::move(listener));
  return options;
}

/// Clocks of the Meter stand still until they are told otherwise; the proxy's own time limits are the
/// system's.
class RunningProxy {
 public:
  explicit RunningProxy(ProxyOptions options) {
    std::signal(SIGPIPE, SIG_IGN);  // proxy.h asks for it
    absl::StatusOr<std::unique_ptr<Proxy>> proxy = Proxy::Start(std::move(options), meter.meter, &metrics);
    EXPECT_TRUE(proxy.ok()) << proxy.status();
    if (proxy.ok()) proxy_ = *std::move(proxy);
  }
  explicit RunningProxy(ListenerOptions listener) : RunningProxy(OptionsFor(std::move(listener))) {}
  explicit RunningProxy(const Endpoint& upstream) : RunningProxy(ListenerTo(upstream)) {}

  Proxy& operator*() { return *proxy_; }
  Proxy* operator->() { return proxy_.get(); }

  Endpoint endpoint(size_t listener = 0) const { return proxy_->listening().at(listener); }
  Socket Connect() const { return Socket::Connect(endpoint()); }

  /// Ends the proxy: cuts what is open.
  void Destroy() { proxy_.reset(); }

  /// Of each connection there were, its last part.
  std::vector<Connection> Connections(size_t count) const { return meter.sink->Await<Connection>(count); }

  bool AwaitOpen(int64_t connections) const {
    return Eventually([&] { return metrics.connections_open == connections; });
  }

  ManualMeter meter;
  ProxyMetrics metrics;

 private:
  std::unique_ptr<Proxy> proxy_;
};

/// A client and a server with a proxy between them, connected.
struct Pair {
  Pair(const RunningProxy& proxy, Server* upstream) : client(proxy.Connect()), server(upstream->Accept()) {}

  /// The kernel accepts before the proxy knows of it. Once a byte has crossed both ways it does.
  void AwaitOpen() {
    EXPECT_TRUE(client.Send("?"));
    EXPECT_EQ(server.Receive(1), "?");
    EXPECT_TRUE(server.Send("!"));
    EXPECT_EQ(client.Receive(1), "!");
  }

  Socket client;
  Socket server;
};

}  // namespace fedcarbon::node::testing
