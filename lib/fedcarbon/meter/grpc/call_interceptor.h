// Hears of one call through gRPC's interceptor API and tells a CallObserver.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/interceptor.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/meter/grpc/last_peer.h"
#include "fedcarbon/v1/call_context.pb.h"

namespace fedcarbon {

/// What the calls of one channel or server have in common. Immutable but for what a channel learns.
struct CallInterceptorState {
  std::shared_ptr<FactRecorder> recorder;
  bool send_context = true;
  bool raw = false;
  absl::flat_hash_set<std::string> raw_methods;
  mutable LastPeer last_peer;  // of a channel
};

/// One class for both ends: their hooks differ only in the metadata and in how a call ends. A call begins
/// with its initial metadata; an interceptor that never sees any (a call prepared and not started, a server's
/// queue that shuts down) records nothing.
///
/// gRPC owns it and may destroy it long after the call ended. Thread-safe: the reading and the writing half
/// of a stream call Intercept() at once.
class CallInterceptor final : public grpc::experimental::Interceptor {
 public:
  /// Both copy the method's name: a generic stub's is gone before the call starts.
  CallInterceptor(std::shared_ptr<const CallInterceptorState> state, grpc::experimental::ClientRpcInfo* info);
  CallInterceptor(std::shared_ptr<const CallInterceptorState> state, grpc::experimental::ServerRpcInfo* info);
  ~CallInterceptor() override;

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override;

 private:
  using Methods = grpc::experimental::InterceptorBatchMethods;
  using ReceivedMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

  void BeginClientCall(Methods* methods);
  void BeginServerCall(Methods* methods);
  void Begin(CallStart start);
  void InterceptBegun(Methods* methods);
  void CountSent(Methods* methods);
  void ReadInitialAnswer(Methods* methods);
  void InterceptReceived(Methods* methods);
  void CountReceived(const void* message);
  void EndClientCall(Methods* methods);
  void EndIfDone();
  void NameServer(Methods* methods);
  void EndServerCall(Methods* methods);

  void LearnPeer(const v1::CallContext& answer);
  std::optional<v1::CallContext> ReadContext(const ReceivedMetadata& metadata);
  void WriteContext(std::multimap<std::string, std::string>* metadata, uint64_t call_id,
                    const RoundId& round);

  const std::shared_ptr<const CallInterceptorState> state_;
  const v1::End end_;
  const void* const context_;
  const std::string method_;
  const bool raw_;
  const bool takes_one_request_;  // a server's method that reads exactly one message
  const bool streams_answers_;    // a server's method that may send many

  // Written once, before begun_ is set.
  std::shared_ptr<CallObserver> call_;
  bool request_had_context_ = false;
  std::atomic<bool> begun_ = false;

  // A client's: its initial metadata were empty, and no message has come since.
  std::atomic<bool> message_settles_peer_ = false;

  // A client's status, and how many messages it waits for.
  static constexpr int kNoStatus = -1;
  std::atomic<int> status_ = kNoStatus;
  std::atomic<int> reads_ = 0;
};

}  // namespace fedcarbon
