#include "fedcarbon/meter/grpc/call_interceptor.h"

#include <google/protobuf/message_lite.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "fedcarbon/meter/call_context.h"
#include "fedcarbon/meter/grpc/call_registry.h"
#include "fedcarbon/meter/meter.h"

namespace fedcarbon {

namespace {

using Hook = grpc::experimental::InterceptionHookPoints;
using google::protobuf::MessageLite;

constexpr char kAttemptsKey[] = "grpc-previous-rpc-attempts";

bool IsRaw(const CallInterceptorState& state, const std::string& method) {
  return state.raw || state.raw_methods.contains(method);
}

// Codes that gRPC gives to a call by itself when no peer was there; all others come from one
// (grpc/doc/statuscodes.md).
bool NeedsNoPeer(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::UNAUTHENTICATED:
      return true;
    default:
      return false;
  }
}

// Retries before this attempt, as the client's gRPC says.
uint32_t AttemptOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  const auto it = metadata.find(kAttemptsKey);
  uint32_t attempt = 0;
  const bool given = it != metadata.end() &&
                     absl::SimpleAtoi(absl::string_view(it->second.data(), it->second.size()), &attempt);
  return given ? attempt : 0;
}

}  // namespace

CallInterceptor::CallInterceptor(std::shared_ptr<const CallInterceptorState> state,
                                 grpc::experimental::ClientRpcInfo* info)
    : state_(std::move(state)),
      end_(v1::END_CLIENT),
      context_(info->client_context()),
      method_(info->method()),
      raw_(IsRaw(*state_, method_)),
      takes_one_request_(false),
      streams_answers_(false) {}

CallInterceptor::CallInterceptor(std::shared_ptr<const CallInterceptorState> state,
                                 grpc::experimental::ServerRpcInfo* info)
    : state_(std::move(state)),
      end_(v1::END_SERVER),
      context_(info->server_context()),
      method_(info->method()),
      raw_(IsRaw(*state_, method_)),
      takes_one_request_(info->type() == grpc::experimental::ServerRpcInfo::Type::UNARY ||
                         info->type() == grpc::experimental::ServerRpcInfo::Type::SERVER_STREAMING),
      streams_answers_(info->type() == grpc::experimental::ServerRpcInfo::Type::SERVER_STREAMING ||
                       info->type() == grpc::experimental::ServerRpcInfo::Type::BIDI_STREAMING) {}

CallInterceptor::~CallInterceptor() {
  if (call_ == nullptr) return;
  CallRegistry::Get().Remove(context_, call_.get());
  if (status_ != kNoStatus) call_->End(status_);  // its last read was started and never awaited
}

void CallInterceptor::Intercept(Methods* methods) {
  if (end_ == v1::END_CLIENT && methods->QueryInterceptionHookPoint(Hook::PRE_SEND_INITIAL_METADATA)) {
    BeginClientCall(methods);
  } else if (end_ == v1::END_SERVER &&
             methods->QueryInterceptionHookPoint(Hook::POST_RECV_INITIAL_METADATA)) {
    BeginServerCall(methods);
  }
  // A read under way shows as a batch without its hook that knows where the message will go. (Of a
  // cancellation nothing may be asked.)
  if (!methods->QueryInterceptionHookPoint(Hook::PRE_SEND_CANCEL) &&
      !methods->QueryInterceptionHookPoint(Hook::POST_RECV_MESSAGE) && methods->GetRecvMessage() != nullptr) {
    ++reads_;
  }
  if (begun_.load(std::memory_order_acquire)) InterceptBegun(methods);
  methods->Proceed();  // once per batch, and the last thing done: it may destroy this
}

// A batch holds several hooks, in the order in which they happen.
void CallInterceptor::InterceptBegun(Methods* methods) {
  if (end_ == v1::END_CLIENT && methods->QueryInterceptionHookPoint(Hook::POST_RECV_INITIAL_METADATA)) {
    ReadInitialAnswer(methods);
  }
  if (methods->QueryInterceptionHookPoint(Hook::PRE_SEND_MESSAGE)) {
    if (end_ == v1::END_SERVER) NameServer(methods);
    CountSent(methods);
  }
  if (methods->QueryInterceptionHookPoint(Hook::POST_RECV_MESSAGE)) InterceptReceived(methods);
  if (methods->QueryInterceptionHookPoint(Hook::PRE_SEND_STATUS)) EndServerCall(methods);
  if (methods->QueryInterceptionHookPoint(Hook::POST_RECV_STATUS)) EndClientCall(methods);
  if (methods->QueryInterceptionHookPoint(Hook::POST_RECV_CLOSE)) {
    call_->End(grpc::StatusCode::CANCELLED);  // before any status: the client has gone
  }
}

void CallInterceptor::BeginClientCall(Methods* methods) {
  CallStart start;
  start.round = RoundScope::Current();
  start.peer = state_->last_peer.Get();
  Begin(std::move(start));
  if (state_->send_context) {
    WriteContext(methods->GetSendInitialMetadata(), call_->call_id(), RoundScope::Current());
  } else {
    call_->SettlePeer();  // who is not asked does not answer
  }
}

void CallInterceptor::BeginServerCall(Methods* methods) {
  const ReceivedMetadata& metadata = *methods->GetRecvInitialMetadata();
  request_had_context_ = metadata.find(kContextKey) != metadata.end();
  CallStart start;
  start.attempt = AttemptOf(metadata);
  if (const auto context = ReadContext(metadata)) {
    start.call_id = context->call_id();
    start.peer = context->node();
    start.round = RoundOf(*context);
  }
  Begin(std::move(start));
}

void CallInterceptor::Begin(CallStart start) {
  start.end = end_;
  start.observer = v1::OBSERVER_INTERCEPTOR;
  start.method = method_;
  call_ = std::make_shared<CallObserver>(state_->recorder, std::move(start));
  CallRegistry::Get().Add(context_, call_);
  begun_.store(true, std::memory_order_release);
}

void CallInterceptor::CountSent(Methods* methods) {
  MessageSize size;
  size.kind = v1::COUNT_KIND_SERIALIZED;
  if (const void* message = methods->GetSendMessage(); message == nullptr) {
    size.message = Bytes(methods->GetSerializedSendMessage()->Length());
  } else if (raw_) {
    size.message = Bytes(static_cast<const grpc::ByteBuffer*>(message)->Length());
  } else {
    size.message = Bytes(static_cast<const MessageLite*>(message)->ByteSizeLong());
  }
  call_->OnMessage(Direction::kSent, size, RoundScope::Current());
}

// Without the key they settle that the server does not name itself before the end; but empty ones may also be
// gRPC's own, of an answer that has trailing metadata alone, and only a message tells.
void CallInterceptor::ReadInitialAnswer(Methods* methods) {
  const ReceivedMetadata& initial = *methods->GetRecvInitialMetadata();
  if (const auto answer = ReadContext(initial)) {
    LearnPeer(*answer);
  } else if (!initial.empty()) {
    call_->SettlePeer();
  } else {
    message_settles_peer_ = true;
  }
  if (!initial.empty()) call_->SetAnswered();
}

void CallInterceptor::InterceptReceived(Methods* methods) {
  if (const void* message = methods->GetRecvMessage(); message != nullptr) {
    CountReceived(message);
  } else if (takes_one_request_) {
    // Elsewhere the end of a stream and a message that could not be parsed look the same.
    state_->recorder->CountUnsizedMessage();
  }
  --reads_;
  EndIfDone();
}

void CallInterceptor::CountReceived(const void* message) {
  MessageSize size;
  if (raw_) {
    size.kind = v1::COUNT_KIND_SERIALIZED;
    size.message = Bytes(static_cast<const grpc::ByteBuffer*>(message)->Length());
  } else {
    size.kind = v1::COUNT_KIND_REENCODED;
    size.message = Bytes(static_cast<const MessageLite*>(message)->ByteSizeLong());
  }
  call_->OnMessage(Direction::kReceived, size);
  if (message_settles_peer_.load(std::memory_order_relaxed) && message_settles_peer_.exchange(false)) {
    call_->SettlePeer();
  }
}

void CallInterceptor::EndClientCall(Methods* methods) {
  const ReceivedMetadata& trailing = *methods->GetRecvTrailingMetadata();
  const grpc::StatusCode code = methods->GetRecvStatus()->error_code();
  if (const auto answer = ReadContext(trailing)) {
    LearnPeer(*answer);
    call_->AdoptRound(RoundOf(*answer));
  }
  if (!trailing.empty() || !NeedsNoPeer(code)) call_->SetAnswered();
  status_ = code;
  EndIfDone();
}

// A callback client's last message and its status come on two threads, in either order. One of both sees that
// the other is through; that both may is no harm.
void CallInterceptor::EndIfDone() {
  if (const int status = status_; status != kNoStatus && reads_ == 0) call_->End(status);
}

// A stream's client hears at the first message who answers, for the parts that are recorded before the end.
// Beside a message only: initial metadata on an answer that has none would end the client's retries.
void CallInterceptor::NameServer(Methods* methods) {
  if (streams_answers_ && request_had_context_ && state_->send_context &&
      methods->QueryInterceptionHookPoint(Hook::PRE_SEND_INITIAL_METADATA)) {
    WriteContext(methods->GetSendInitialMetadata(), 0, {});
  }
}

// Only a client that sent the key gets it back: no other asked for names of nodes and runs.
void CallInterceptor::EndServerCall(Methods* methods) {
  if (request_had_context_ && state_->send_context) {
    WriteContext(methods->GetSendTrailingMetadata(), 0, call_->WholeCallRound());
  }
  call_->End(methods->GetSendStatus().error_code());
}

void CallInterceptor::LearnPeer(const v1::CallContext& answer) {
  state_->last_peer.Set(answer.node());
  call_->SetPeer(answer.node());
}

std::optional<v1::CallContext> CallInterceptor::ReadContext(const ReceivedMetadata& metadata) {
  const auto it = metadata.find(kContextKey);
  if (it == metadata.end()) return std::nullopt;
  std::optional<v1::CallContext> context = DecodeContext({it->second.data(), it->second.size()});
  if (!context.has_value()) state_->recorder->CountBadContext();
  return context;
}

// Replaces one that the application handed on from another call.
void CallInterceptor::WriteContext(std::multimap<std::string, std::string>* metadata, uint64_t call_id,
                                   const RoundId& round) {
  std::string value = EncodeContext(call_id, state_->recorder->node(), round);
  state_->recorder->AddContextBytes(Bytes(sizeof(kContextKey) - 1 + value.size()));
  metadata->erase(kContextKey);
  metadata->emplace(kContextKey, std::move(value));
}

}  // namespace fedcarbon
