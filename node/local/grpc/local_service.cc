#include "node/local/grpc/local_service.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/grpc/deadline.h"
#include "node/local/local_session.h"
#include "node/sockets/socket.h"

namespace fedcarbon::node {
namespace {

using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

constexpr mode_t kSocketMode = 0660;

// Ends a session as soon as it begins.
class Refusal : public Reactor {
 public:
  explicit Refusal(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

absl::Status Take(grpc::ByteBuffer* bytes, LocalSession* session) {
  v1::LocalEvent event;
  if (!grpc::SerializationTraits<v1::LocalEvent>::Deserialize(bytes, &event).ok()) {
    return absl::InvalidArgumentError(
        "the bytes are no fedcarbon.v1.LocalEvent: see proto/fedcarbon/v1/local.proto for its fields");
  }
  return session->Take(event);
}

grpc::ByteBuffer Encode(const absl::Status& status) {
  v1::LocalAnswer answer;
  answer.set_status(static_cast<uint32_t>(status.code()));
  answer.set_message(std::string(status.message()));
  const grpc::Slice slice(answer.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

// One event is read, then answered, then the next one is read: its reactions follow each other. Whether the
// script ended its session or died is sure only when the call is over.
class LocalService::Session : public Reactor {
 public:
  Session(LocalService* service, grpc::CallbackServerContext* context)
      : service_(service), context_(context), session_(service->meter_, service->rounds_) {
    StartRead(&event_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    answer_ = Encode(Take(&event_, &session_));
    StartWrite(&answer_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartRead(&event_);
  }

  void OnDone() override {
    bool stopping;
    {
      MutexLock lock(&service_->mutex_);
      --service_->sessions_;
      stopping = service_->stopping_;
    }
    session_.End(context_->IsCancelled() && !stopping ? v1::OUTCOME_FAILED : v1::OUTCOME_ABANDONED);
    delete this;
  }

 private:
  LocalService* const service_;
  grpc::CallbackServerContext* const context_;
  LocalSession session_;
  grpc::ByteBuffer event_, answer_;  // belong to the read or write under way
};

Reactor* LocalService::Service::Session(grpc::CallbackServerContext* context) {
  return local_->Open(context);
}

Reactor* LocalService::Open(grpc::CallbackServerContext* context) {
  {
    MutexLock lock(&mutex_);
    if (sessions_ == kMaxSessions) {
      return new Refusal({grpc::StatusCode::RESOURCE_EXHAUSTED,
                          absl::StrCat(kMaxSessions, " sessions are open, and no more may be: end some")});
    }
    ++sessions_;
  }
  return new class Session(this, context);
}

absl::StatusOr<std::unique_ptr<LocalService>> LocalService::Start(const std::string& path,
                                                                  std::shared_ptr<Meter> meter,
                                                                  OpenRounds* rounds) {
  Endpoint endpoint;
  endpoint.unix_path = path;
  // gRPC takes away whatever socket is there. So it gets only one that was free, or left behind: our own.
  RETURN_IF_ERROR(Listen(endpoint).status());

  std::unique_ptr<LocalService> service(new LocalService(std::move(meter), rounds));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(endpoint.text(), grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(kMaxEventBytes);
  builder.RegisterService(&service->service_);
  service->server_ = builder.BuildAndStart();
  if (service->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", endpoint.text(), ": see gRPC's own log"));
  }
  if (chmod(path.c_str(), kSocketMode) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot set the mode of ", endpoint.text(), ": ", std::strerror(errno)));
  }
  return service;
}

LocalService::~LocalService() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (server_ != nullptr) server_->Shutdown(DeadlineAfter(absl::ZeroDuration()));
}

}  // namespace fedcarbon::node
