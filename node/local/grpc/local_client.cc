#include "node/local/grpc/local_client.h"

#include "fedcarbon/status/grpc/status.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/grpc/deadline.h"

namespace fedcarbon::node {

LocalClient::LocalClient(const std::string& path)
    : stub_(v1::LocalService::NewStub(
          grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials()))) {}

LocalClient::~LocalClient() {
  context_.TryCancel();
  queue_.Shutdown();
  void* tag;
  bool ok;
  while (queue_.Next(&tag, &ok)) {
  }
}

absl::Status LocalClient::Send(const v1::LocalEvent& event, absl::Duration patience) {
  const gpr_timespec deadline = DeadlineAfter(patience);
  RETURN_IF_ERROR(Start(deadline));
  stream_->Write(event, nullptr);
  if (!IsDone(deadline)) return Fail(deadline);
  stream_->Read(&answer_, nullptr);
  if (!IsDone(deadline)) return Fail(deadline);
  return {static_cast<absl::StatusCode>(answer_.status()), answer_.message()};
}

absl::Status LocalClient::Close(absl::Duration patience) {
  const gpr_timespec deadline = DeadlineAfter(patience);
  RETURN_IF_ERROR(Start(deadline));
  stream_->WritesDone(nullptr);
  if (!IsDone(deadline)) return Fail(deadline);
  broken_ = absl::FailedPreconditionError("the session was closed");
  stream_->Finish(&finished_, nullptr);
  if (!IsDone(deadline)) return Fail(deadline);
  return FromGrpc(finished_);
}

absl::Status LocalClient::Start(gpr_timespec deadline) {
  if (!broken_.ok() || stream_ != nullptr) return broken_;
  stream_ = stub_->PrepareAsyncSession(&context_, &queue_);
  stream_->StartCall(nullptr);
  return IsDone(deadline) ? absl::OkStatus() : Fail(deadline);
}

bool LocalClient::IsDone(gpr_timespec deadline) {
  void* tag;
  bool ok = false;
  is_waiting_ = queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT;
  return !is_waiting_ && ok;
}

absl::Status LocalClient::Fail(gpr_timespec deadline) {
  broken_ = absl::DeadlineExceededError("fedcarbon-node does not answer");
  if (is_waiting_) return broken_;
  stream_->Finish(&finished_, nullptr);
  if (IsDone(deadline)) broken_ = FromGrpc(finished_);
  if (broken_.ok()) broken_ = absl::UnavailableError("fedcarbon-node ended the session");
  return broken_;
}

}  // namespace fedcarbon::node
