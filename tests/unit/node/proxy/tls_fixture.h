// A proxy with TLS on either leg, and the ends that talk through it.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "tests/unit/node/proxy/certificates.h"
#include "tests/unit/node/proxy/running_proxy.h"
#include "tests/unit/node/proxy/tls_end.h"

namespace fedcarbon::node::testing {

using AnyEnd = std::variant<Socket, TlsEnd>;

class TlsTest : public ::testing::Test {
 protected:
  TlsServerOptions DownstreamTls() const { return {proxy_files_.certificate, proxy_files_.key, ""}; }
  TlsClientOptions UpstreamTls() const {
    TlsClientOptions options;
    options.ca = authority_.ca();
    return options;
  }

  ListenerOptions Listener(bool downstream_tls, bool upstream_tls) const {
    ListenerOptions options = ListenerTo(upstream_.endpoint());
    if (downstream_tls) options.tls = DownstreamTls();
    if (upstream_tls) options.upstream_tls = UpstreamTls();
    return options;
  }

  TlsSettings ClientSettings() const {
    TlsSettings settings;
    settings.ca = authority_.ca();
    return settings;
  }
  TlsSettings ServerSettings() const {
    TlsSettings settings;
    settings.own = server_files_;
    return settings;
  }

  static AnyEnd ConnectEnd(const RunningProxy& proxy, const std::optional<TlsSettings>& settings) {
    if (!settings.has_value()) return proxy.Connect();
    return TlsEnd::Connect(proxy.Connect(), *settings);
  }
  AnyEnd AcceptEnd(const std::optional<TlsSettings>& settings) {
    if (!settings.has_value()) return upstream_.Accept();
    return TlsEnd::Accept(upstream_.Accept(), *settings);
  }

  /// Client and server, whose handshakes wait for each other. Without settings: in the clear.
  std::pair<AnyEnd, AnyEnd> MeetAny(const RunningProxy& proxy, const std::optional<TlsSettings>& client,
                                    const std::optional<TlsSettings>& server) {
    auto accepted = std::async(std::launch::async, [&] { return AcceptEnd(server); });
    AnyEnd connected = ConnectEnd(proxy, client);
    return {std::move(connected), accepted.get()};
  }

  /// The same with TLS at both.
  std::pair<TlsEnd, TlsEnd> Meet(const RunningProxy& proxy, const TlsSettings& client,
                                 const TlsSettings& server) {
    auto accepted =
        std::async(std::launch::async, [&] { return TlsEnd::Accept(upstream_.Accept(), server); });
    TlsEnd connected = TlsEnd::Connect(proxy.Connect(), client);
    return {std::move(connected), accepted.get()};
  }

  Server upstream_;
  Authority authority_;
  const KeyPair proxy_files_ = authority_.Issue("DNS:proxy.example.org", "proxy");
  const KeyPair server_files_ = authority_.Issue("DNS:fl.example.org,IP:127.0.0.1", "server");
};

}  // namespace fedcarbon::node::testing
