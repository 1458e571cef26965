// One client's connection and the one to the upstream that goes with it: bytes that come in on one go out on
// the other, unchanged.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "node/proxy/connection_meter.h"
#include "node/proxy/connector.h"
#include "node/proxy/leg.h"
#include "node/proxy/pump.h"
#include "node/proxy/route.h"
#include "node/sockets/file_descriptor.h"
#include "node/sockets/socket.h"

namespace fedcarbon::node {

class Worker;

/// Belongs to one worker and its thread. Owns its two legs, the connector that opens them, a pump for each
/// direction, and the meter that they show to.
///
/// If the legs do not come to be open the client's connection is reset: nothing is ever answered in the
/// upstream's place. A reset of one leg is passed on at once.
class Relay {
 public:
  Relay(Worker* worker, uint64_t id, std::shared_ptr<Route> route, FileDescriptor client);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void Start();

  /// About once a second: time limits, and parts of long connections.
  void Tick();

  /// Ends both connections with a reset.
  void Abort();

  /// For its legs: what became of one. `is_reset`: it was reset.
  void OnLegReady(Leg* leg, bool is_reset);

  /// For the resolver: the answer that the connector asked for.
  void OnAddresses(std::vector<SocketAddress> addresses);

  uint64_t id() const { return id_; }

 private:
  enum class Stage { kOpening, kOpen, kOver };

  void Advance();
  void Run(Pump* pump, const Pump& other);
  void Close();
  void Retire();
  void CheckAgainstKernel(const Leg& leg);
  const Leg& CountedLeg() const;
  ConnectionMeter::TransportCount Transport() const;
  void CountTransport();

  Worker* const worker_;
  const uint64_t id_;
  const std::shared_ptr<Route> route_;
  Leg client_{this};
  Leg upstream_{this};
  ConnectionMeter meter_;
  Connector connector_;
  Pump up_;
  Pump down_;
  Stage stage_ = Stage::kOpening;
  Bytes retransmitted_;  // as the kernel says at the end
};

}  // namespace fedcarbon::node
