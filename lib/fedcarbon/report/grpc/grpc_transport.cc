#include "fedcarbon/report/grpc/grpc_transport.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <thread>
#include <utility>

#include "fedcarbon/meter/cpu_clock.h"
#include "fedcarbon/report/batch_format.h"
#include "fedcarbon/status/grpc/status.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {
namespace {

/// One call, driven by a thread that polls its completion queue.
class GrpcStream : public ReportClientStream {
 public:
  GrpcStream(v1::ReportService::Stub* stub, StreamListener* listener)
      : listener_(listener),
        call_(stub->AsyncReport(&context_, &events_, TagOf(kStarted))),
        thread_([this] { Run(); }) {}

  ~GrpcStream() override {
    context_.TryCancel();
    thread_.join();
  }

  void Send(v1::ReportRequest request) override {
    {
      MutexLock lock(&mutex_);
      requests_.push_back(std::move(request));
    }
    WriteNext();
  }

 private:
  enum Event : intptr_t { kStarted = 1, kRead, kWritten, kFinished };
  static void* TagOf(Event event) { return reinterpret_cast<void*>(event); }

  void Run() {
    const OwnThread own;
    void* tag = nullptr;
    bool ok = false;
    while (events_.Next(&tag, &ok)) {
      switch (static_cast<Event>(reinterpret_cast<intptr_t>(tag))) {
        case kStarted:
          OnStarted(ok);
          break;
        case kRead:
          OnRead(ok);
          break;
        case kWritten:
          OnWritten(ok);
          break;
        case kFinished:
          OnFinished();
          break;
      }
    }
    // To the node it is never right that its stream ends.
    listener_->OnEnd(status_.ok() ? absl::UnavailableError("the coordinator ended the stream")
                                  : FromGrpc(status_));
  }

  void OnStarted(bool ok) {
    if (!ok) {
      call_->Finish(&status_, TagOf(kFinished));
      return;
    }
    call_->Read(&response_, TagOf(kRead));
    {
      MutexLock lock(&mutex_);
      is_started_ = true;
    }
    WriteNext();
  }

  void OnRead(bool ok) {
    if (!ok) {  // the coordinator ended the stream, or it broke
      {
        MutexLock lock(&mutex_);
        is_over_ = true;
      }
      call_->Finish(&status_, TagOf(kFinished));
      return;
    }
    listener_->OnResponse(std::move(response_));
    response_.Clear();
    call_->Read(&response_, TagOf(kRead));
  }

  void OnWritten(bool ok) {
    {
      MutexLock lock(&mutex_);
      is_writing_ = false;
      if (!ok) is_over_ = true;  // the read that is under way fails, too
      if (is_finished_) events_.Shutdown();
    }
    WriteNext();
  }

  void OnFinished() {
    MutexLock lock(&mutex_);
    is_over_ = true;
    is_finished_ = true;
    if (!is_writing_) events_.Shutdown();
  }

  /// Starts the next write if none is under way. Not under the lock: it may do I/O.
  void WriteNext() {
    {
      MutexLock lock(&mutex_);
      if (!is_started_ || is_writing_ || is_over_ || requests_.empty()) return;
      is_writing_ = true;
      writing_ = std::move(requests_.front());
      requests_.pop_front();
    }
    call_->Write(writing_, TagOf(kWritten));
  }

  StreamListener* const listener_;
  grpc::ClientContext context_;
  grpc::CompletionQueue events_;
  const std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::ReportRequest, v1::ReportResponse>> call_;

  // The thread's own.
  v1::ReportResponse response_;
  grpc::Status status_;

  Mutex mutex_;
  std::deque<v1::ReportRequest> requests_ ABSL_GUARDED_BY(mutex_);
  bool is_started_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;      // further writes would fail
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;  // events_ is shut down once no write is under way
  v1::ReportRequest writing_;                         // of whoever set is_writing_

  std::thread thread_;  // last: it uses all of the above
};

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(2 * static_cast<int>(kMaxSealedBatchBytes));
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxSealedBatchBytes));
  // The Reporter has its own backoff; the channel's must not outlast it.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A server takes pings closer than 5 minutes apart, with no data between them, for an attack. The
  // coordinator itself pings every minute, and a batch without its answer ends the stream sooner than this.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 360'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // A proxy in the environment is for the web, not for a tunnel's end on this machine.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

GrpcTransport::GrpcTransport(const std::string& address)
    : stub_(v1::ReportService::NewStub(NewChannel(address))) {}

std::unique_ptr<ReportClientStream> GrpcTransport::Open(StreamListener* listener) {
  return std::make_unique<GrpcStream>(stub_.get(), listener);
}

}  // namespace fedcarbon
