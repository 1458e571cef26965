#include "tests/simulation/in_process_transport.h"

#include <vector>

namespace fedcarbon::simulation {

/// One stream, as both of its ends hold it.
class Coordinator::Stream : public std::enable_shared_from_this<Coordinator::Stream> {
 public:
  Stream(Coordinator* coordinator, server::Ingestor* ingestor, StreamListener* listener)
      : coordinator_(coordinator), server_(ingestor, &coordinator->metrics_), listener_(listener) {}

  void Send(v1::ReportRequest request) {
    MutexLock lock(&send_mutex_);
    if (closed_) return;
    if (coordinator_->Happens(coordinator_->faults_.broken)) {
      closed_ = true;
      End(absl::UnavailableError("the stream broke"));
      return;
    }
    const int times = coordinator_->faults_.twice && request.has_sealed_batch() ? 2 : 1;
    for (int i = 0; i < times && !closed_; ++i) {
      const int64_t sent_us = request.sent_us();
      const absl::Status status =
          server_.Receive(request, Clock::System()->Now(),
                          [weak = weak_from_this(), sent_us](const absl::StatusOr<uint64_t>& watermark) {
                            if (const auto self = weak.lock()) self->Answer(watermark, sent_us);
                          });
      if (!status.ok()) {
        closed_ = true;
        End(status);
      }
    }
  }

  /// Nothing reaches the coordinator any more.
  void Close() {
    MutexLock lock(&send_mutex_);
    closed_ = true;
  }

  /// Nothing reaches the node any more but this. It gets a status of its own: TSan does not see that the
  /// reference count of a shared one is atomic, because Debian's abseil is not instrumented.
  void End(const absl::Status& status) {
    MutexLock lock(&listen_mutex_);
    if (StreamListener* const listener = std::exchange(listener_, nullptr)) {
      listener->OnEnd(absl::Status(status.code(), status.message()));
    }
  }

  void Detach() {
    MutexLock lock(&listen_mutex_);
    listener_ = nullptr;
  }

 private:
  void Answer(const absl::StatusOr<uint64_t>& watermark, int64_t sent_us) {
    if (!watermark.ok()) return End(watermark.status());
    if (coordinator_->Happens(coordinator_->faults_.lost))
      return End(absl::UnavailableError("the answer was lost"));
    v1::ReportResponse response;
    response.set_watermark(*watermark);
    response.set_request_sent_us(sent_us);
    const int64_t now_us = absl::ToUnixMicros(Clock::System()->Now());
    response.set_request_received_us(now_us);
    response.set_response_sent_us(now_us);
    MutexLock lock(&listen_mutex_);
    if (listener_ != nullptr) listener_->OnResponse(std::move(response));
  }

  Coordinator* const coordinator_;
  Mutex send_mutex_;
  server::ReportSession server_ ABSL_GUARDED_BY(send_mutex_);
  bool closed_ ABSL_GUARDED_BY(send_mutex_) = false;
  Mutex listen_mutex_;
  StreamListener* listener_ ABSL_GUARDED_BY(listen_mutex_);
};

class Coordinator::InProcessTransport : public Transport {
 public:
  explicit InProcessTransport(Coordinator* coordinator) : coordinator_(coordinator) {}

  std::unique_ptr<ReportClientStream> Open(StreamListener* listener) override {
    std::shared_ptr<Stream> stream;
    {
      MutexLock lock(&coordinator_->mutex_);
      stream = std::make_shared<Stream>(coordinator_, coordinator_->ingestor_.get(), listener);
      if (coordinator_->ingestor_ != nullptr)
        coordinator_->streams_.insert(stream);
      else
        stream->Close();
    }
    auto end = std::make_unique<NodeEnd>(coordinator_, stream);
    if (!end->IsOpen()) stream->End(absl::UnavailableError("the coordinator is away"));
    return end;
  }

 private:
  class NodeEnd : public ReportClientStream {
   public:
    NodeEnd(Coordinator* coordinator, std::shared_ptr<Stream> stream)
        : coordinator_(coordinator), stream_(std::move(stream)) {}
    ~NodeEnd() override {
      stream_->Close();
      stream_->Detach();
      MutexLock lock(&coordinator_->mutex_);
      coordinator_->streams_.erase(stream_);
    }
    bool IsOpen() const {
      MutexLock lock(&coordinator_->mutex_);
      return coordinator_->streams_.count(stream_) != 0;
    }
    void Send(v1::ReportRequest request) override { stream_->Send(std::move(request)); }

   private:
    Coordinator* const coordinator_;
    const std::shared_ptr<Stream> stream_;
  };

  Coordinator* const coordinator_;
};

std::unique_ptr<Transport> Coordinator::NewTransport() { return std::make_unique<InProcessTransport>(this); }

void Coordinator::Restart() {
  std::shared_ptr<server::Ingestor> old;
  std::set<std::shared_ptr<Stream>> streams;
  {
    MutexLock lock(&mutex_);
    old = std::exchange(ingestor_, nullptr);
    streams.swap(streams_);
  }
  for (const auto& stream : streams) stream->Close();  // from here on nobody hands anything over
  old.reset();
  {
    MutexLock lock(&mutex_);
    ingestor_ = NewIngestor();
  }
  for (const auto& stream : streams) stream->End(absl::UnavailableError("the coordinator was restarted"));
}

}  // namespace fedcarbon::simulation
