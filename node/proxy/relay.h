// One client's connection and the one to the upstream that goes with it: bytes that come in on one go out on
// the other, unchanged.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "node/proxy/byte_stream.h"
#include "node/proxy/connection_meter.h"
#include "node/proxy/event_loop.h"
#include "node/proxy/pace.h"
#include "node/proxy/route.h"
#include "node/proxy/tls_stream.h"
#include "node/sockets/file_descriptor.h"
#include "node/sockets/socket.h"

namespace fedcarbon::node {

class Worker;

/// Belongs to one worker and its thread.
///
/// Opening: the client's first words (its ClientHello, or its first bytes where these decide what to offer in
/// the upstream's TLS), then the upstream with its handshake, then the rest of the client's handshake. If any
/// of it fails the client's connection is reset: nothing is ever answered in the upstream's place.
///
/// Then each direction by itself: what was read is written on at once; what the other leg does not take is
/// kept, and the direction reads no more until it is gone. An end of one leg is passed on when all before it
/// has left; a reset at once. What passed is shown to the meter after it was written.
class Relay {
 public:
  Relay(Worker* worker, uint64_t id, std::shared_ptr<Route> route, FileDescriptor client);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void Start();

  /// About once a second: time limits, and parts of long connections.
  void Tick();

  /// Ends both connections with a reset.
  void Cut();

  uint64_t id() const { return id_; }

 private:
  enum class Stage { kFirstWords, kConnecting, kUpstreamHandshake, kClientHandshake, kOpen, kOver };

  struct Leg : EventHandler {
    explicit Leg(Relay* relay) : relay(relay) {}
    void OnEvents(uint32_t events) override;

    Relay* const relay;
    FileDescriptor fd;
    std::unique_ptr<ByteStream> stream;
    TlsStream* tls = nullptr;  // `stream`, if that is one
    bool is_readable = false;
    bool is_writable = false;
    // A short read says little, and only one that finds nothing has drained it: the kernel has hinted at an
    // end, or told of urgent data, which cuts a read short; or it is a Unix socket.
    bool is_ending = false;
    uint32_t handshakes = 0;
    Bytes counted_sent;  // by the metrics so far
    Bytes counted_received;
  };

  // One direction.
  struct Flow {
    Flow(Side side, Leg* source, Leg* sink) : from_side(side), from(source), to(sink) {}

    const Side from_side;
    Leg* const from;
    Leg* const to;
    Pace pace;
    std::vector<char> rest;  // was read, and not taken yet
    size_t rest_begin = 0;
    bool is_over = false;  // nothing more is read
    bool is_cut = false;   // how it ended, for FinishWriting
    bool is_done = false;  // and its end was passed on
  };

  void Advance();
  bool HearFirstWords();
  void BeginUpstream();
  void OnAddresses(std::vector<SocketAddress> addresses);
  void ConnectNext();
  void TryAddresses();
  bool CompleteConnect();
  bool CompleteUpstreamHandshake();
  void OnUpstreamReached();
  bool CompleteClientHandshake();
  void Enter(Stage stage, absl::Duration limit);
  void FailUpstream(const std::string& why);

  bool Watch(Leg* leg);
  void PumpBoth();
  bool Pump(Flow* flow);
  bool Write(Flow* flow, std::string_view bytes);
  bool WriteRest(Flow* flow);
  void Show(Flow* flow, std::string_view bytes);
  void Keep(Flow* flow, std::string_view rest);
  void DropRest(Flow* flow);
  void Break(Flow* flow);
  void FinishFlow(Flow* flow);
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
  Flow up_{Side::kClient, &client_, &upstream_};
  Flow down_{Side::kServer, &upstream_, &client_};
  Stage stage_ = Stage::kFirstWords;
  absl::Duration deadline_ = absl::InfiniteDuration();  // monotonic, of this stage
  std::string alpn_;                                    // to offer the upstream, until it is reached
  std::vector<SocketAddress> addresses_;                // that are left to try, the next one last
  bool is_broken_ = false;                              // one leg cannot be written to any more
  Bytes retransmitted_;                                 // as the kernel says at the end
  ConnectionMeter meter_;
};

}  // namespace fedcarbon::node
