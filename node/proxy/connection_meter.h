// What passes through one connection, told to the Meter: calls through CallObserver, the connection itself as
// facts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/v1/call_context.pb.h"
#include "node/frameworks/framework.h"
#include "node/local/open_rounds.h"
#include "node/proxy/gap_book.h"
#include "node/proxy/metrics.h"
#include "node/proxy/route.h"
#include "node/wire/connection_decoder.h"

namespace fedcarbon::node {

/// Used by one thread. Never fails, and never changes what it is shown.
class ConnectionMeter : public ConnectionListener {
 public:
  /// Of the leg at the node's end: the upstream's for a client's proxy, the downstream's for a server's.
  struct TransportCount {
    Bytes sent;  // by this node
    Bytes received;
    uint32_t handshakes = 0;
    Bytes retransmitted;
  };

  /// All must outlive this.
  ConnectionMeter(std::shared_ptr<const Route> route, std::shared_ptr<Meter> meter, Framework* framework,
                  const OpenRounds* rounds, ProxyMetrics* metrics, GapBook* gaps);
  ~ConnectionMeter() override;

  /// The client's certificate names it. For side SERVER.
  void SetClientName(const std::string& name);

  /// Bytes that were passed on, in order, inside TLS where the proxy opens it. Returns how many steps it took
  /// to decode them (wire.h).
  uint64_t Passed(End from, std::string_view bytes);

  /// `from` has sent all.
  void Finished(End from);

  /// The upstream cannot be reached, or its TLS handshake fails: nothing will pass. What was on its way when
  /// it was lost is unknown, so this is a Gap.
  void Unreachable();

  /// Records a part of the connection if one is due. Now and then.
  void Sweep(const TransportCount& so_far);

  /// The connection is over: calls that go on were cut. The last call.
  void Close(const TransportCount& total);

  void OnProtocol(Protocol protocol) override;
  std::unique_ptr<CallListener> OnCall(const HeaderBlock& request) override;
  void OnGap(const char* why, bool whole_connection) override;

  // For the calls of this connection.
  const Route& route() const { return *route_; }
  ProxyMetrics& metrics() { return *metrics_; }
  bool is_client() const { return route_->options.side == v1::END_CLIENT; }

  /// What a fedcarbon-bin of this connection says; nothing if there is none, or it is bad.
  std::optional<v1::CallContext> ReadContext(const HeaderBlock& block);

  /// The other node has named itself.
  void LearnPeer(const std::string& name);

 private:
  void BeginPart(absl::Duration now);
  void RecordPart(const TransportCount& so_far, absl::Duration now);

  const std::shared_ptr<const Route> route_;
  const std::shared_ptr<Meter> meter_;
  Framework* const framework_;
  const OpenRounds* const rounds_;
  ProxyMetrics* const metrics_;
  GapBook* const gaps_;
  std::string peer_;           // empty: unknown
  bool is_certified_ = false;  // peer_ is: nobody can call himself otherwise
  std::string protocol_;

  const uint64_t id_;
  const absl::Time began_;
  uint32_t part_ = 0;
  absl::Time part_start_;
  absl::Duration part_began_;  // monotonic
  TransportCount recorded_;    // by the parts before

  const char* lost_ = nullptr;  // why the rest is not decoded; how many bytes that is shows at the end
  std::optional<ConnectionDecoder> decoder_;  // last: its calls use the rest
};

}  // namespace fedcarbon::node
