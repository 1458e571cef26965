// How a relay's two legs come to be open: the client's first words, the upstream's address and connection,
// and the TLS handshakes of both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "node/proxy/connection_meter.h"
#include "node/proxy/leg.h"
#include "node/proxy/route.h"
#include "node/sockets/socket.h"

namespace fedcarbon::node {

class Worker;

/// Belongs to its relay and that one's thread; owns neither leg.
///
/// The client's first words (its ClientHello, or its first bytes where these decide what to offer in the
/// upstream's TLS), then the upstream with its handshake, then the rest of the client's handshake. Failures
/// are counted, and those of the upstream told to the meter, before kFailed says that the legs are to be
/// reset.
class Connector {
 public:
  /// kReset: the upstream accepted, and reset the connection before anybody looked.
  enum class Progress { kWaiting, kDone, kReset, kFailed };

  /// `relay`: its id. All must outlive this.
  Connector(Worker* worker, uint64_t relay, Route* route, Leg* client, Leg* upstream, ConnectionMeter* meter)
      : worker_(worker), relay_(relay), route_(route), client_(client), upstream_(upstream), meter_(meter) {}
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  /// The client's descriptor is there. Before all else; false: it cannot be watched.
  bool Start();

  /// Goes on as far as it gets, when a leg is ready. kDone: both are open.
  Progress Advance();

  /// The addresses of the upstream's name, none if it has none: what the resolver was asked for.
  Progress OnAddresses(std::vector<SocketAddress> addresses);

  /// About once a second, until it is done: time limits. kWaiting or kFailed.
  Progress Tick();

  /// The upstream has accepted a connection.
  bool has_upstream() const { return stage_ >= Stage::kUpstreamHandshake; }

 private:
  enum class Stage { kClientHello, kConnecting, kUpstreamHandshake, kClientHandshake, kOpen };

  Progress CompleteStage();
  Progress PeekClientHello();
  Progress BeginUpstream();
  Progress ConnectNext();
  Progress TryAddresses();
  Progress CompleteConnect();
  Progress CompleteUpstreamHandshake();
  Progress OnUpstreamReached();
  Progress CompleteClientHandshake();
  Progress FailHandshake();
  Progress FailUpstream(const std::string& why);
  void Enter(Stage stage, absl::Duration limit);
  bool Watch(Leg* leg);

  Worker* const worker_;
  const uint64_t relay_;
  Route* const route_;
  Leg* const client_;
  Leg* const upstream_;
  ConnectionMeter* const meter_;
  Stage stage_ = Stage::kClientHello;
  absl::Duration deadline_ = absl::InfiniteDuration();  // monotonic, of this stage
  std::string alpn_;                                    // to offer the upstream, until it is reached
  std::vector<SocketAddress> addresses_;                // that are left to try, the next one last
};

}  // namespace fedcarbon::node
