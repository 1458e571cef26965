#include "node/demo/aggregator_client.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "fedcarbon/status/grpc/status.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/grpc/deadline.h"

namespace fedcarbon::demo {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kStep = absl::Milliseconds(200);

absl::Duration Now() { return Clock::System()->Monotonic(); }

}  // namespace

AggregatorClient::AggregatorClient(std::shared_ptr<grpc::Channel> channel, std::string hospital,
                                   std::string note)
    : channel_(std::move(channel)),
      stub_(v1::Training::NewStub(channel_)),
      hospital_(std::move(hospital)),
      note_(std::move(note)) {}

absl::StatusOr<v1::Task> AggregatorClient::GetTask() {
  v1::GetTaskRequest request;
  request.set_hospital(hospital_);
  v1::Task task;
  RETURN_IF_ERROR(
      Call([&](grpc::ClientContext* context) { return stub_->GetTask(context, request, &task); }));
  bytes_.sent += request.ByteSizeLong();
  bytes_.received += task.ByteSizeLong();
  return task;
}

absl::Status AggregatorClient::SubmitResult(const v1::Result& result) {
  v1::SubmitResultResponse response;
  RETURN_IF_ERROR(
      Call([&](grpc::ClientContext* context) { return stub_->SubmitResult(context, result, &response); }));
  bytes_.sent += result.ByteSizeLong();
  bytes_.received += response.ByteSizeLong();
  return absl::OkStatus();
}

void AggregatorClient::Stop() {
  std::shared_ptr<grpc::ClientContext> call;
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    call = call_;
  }
  if (call != nullptr) call->TryCancel();
}

bool AggregatorClient::stopped() const {
  MutexLock lock(&mutex_);
  return stopped_;
}

absl::Status AggregatorClient::Call(const Method& method) {
  absl::Duration deadline = absl::InfiniteDuration();
  while (true) {
    RETURN_IF_ERROR(WaitForConnection(std::min(deadline, Now() + kPatience)));
    const absl::Status status = CallOnce(method);
    if (!absl::IsUnavailable(status)) return status;
    deadline = std::min(deadline, Now() + kPatience);
    if (Now() >= deadline) return status;
    absl::SleepFor(kStep);  // the connection broke, and gRPC may not know it yet
  }
}

absl::Status AggregatorClient::WaitForConnection(absl::Duration deadline) {
  absl::Duration next_message = Now() + absl::Seconds(1);
  while (!channel_->WaitForConnected(DeadlineAfter(kStep))) {
    if (stopped()) return absl::CancelledError("stopped");
    const absl::Duration now = Now();
    if (now >= deadline) {
      return absl::UnavailableError(absl::StrCat("no aggregator answered for ",
                                                 absl::FormatDuration(kPatience),
                                                 ": is it running, and is --aggregator its address?"));
    }
    if (now >= next_message) {
      std::cerr << absl::StrCat(hospital_, ": the aggregator is away; trying for another ",
                                absl::FormatDuration(absl::Ceil(deadline - now, absl::Seconds(1))), "\n");
      next_message = now + absl::Seconds(5);
    }
  }
  return absl::OkStatus();
}

absl::Status AggregatorClient::CallOnce(const Method& method) {
  const auto context = std::make_shared<grpc::ClientContext>();
  if (!note_.empty()) context->AddMetadata("demo-note", note_);
  {
    MutexLock lock(&mutex_);
    if (stopped_) return absl::CancelledError("stopped");
    call_ = context;
  }
  const grpc::Status status = method(context.get());
  {
    MutexLock lock(&mutex_);
    call_ = nullptr;
  }
  return FromGrpc(status);
}

}  // namespace fedcarbon::demo
