#include "server/ingest/grpc/report_service.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "fedcarbon/status/grpc/status.h"
#include "server/ingest/report_session.h"

namespace fedcarbon::server {
namespace {

// Ends a call as soon as it begins.
class Refusal : public grpc::ServerBidiReactor<v1::ReportRequest, v1::ReportResponse> {
 public:
  explicit Refusal(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

// One stream. It is shared by gRPC (until OnDone) and by the answers under way, which may come later. One
// read and one write are under way at most. gRPC's Start… and Finish are called under the lock, which puts
// them in order: they only hand over, and their reactions run on other threads.
class ReportServiceImpl::Stream : public grpc::ServerBidiReactor<v1::ReportRequest, v1::ReportResponse>,
                                  public std::enable_shared_from_this<Stream> {
 public:
  explicit Stream(ReportServiceImpl* service)
      : service_(service), session_(service->ingestor_, service->metrics_) {}

  void Begin() {
    MutexLock lock(&mutex_);
    Proceed();
  }

  /// Ends with `status` once all that came is answered.
  void End(const absl::Status& status) {
    MutexLock lock(&mutex_);
    EndWith(status);
    Proceed();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End(absl::OkStatus());
      return;
    }
    const absl::Time received = service_->clock_->Now();
    const int64_t sent_us = request_.sent_us();
    const size_t bytes = request_.ByteSizeLong();
    {
      MutexLock lock(&mutex_);
      ++unanswered_;
      unanswered_bytes_ += bytes;
    }
    // The answer to the latest request carries the times of that request.
    const auto answer = [self = shared_from_this(), sent_us, received,
                         bytes](const absl::StatusOr<uint64_t>& watermark) {
      self->Answer(watermark, sent_us, received, bytes);
    };
    const absl::Status status = session_.Receive(std::move(request_), received, answer);
    MutexLock lock(&mutex_);
    reading_ = false;
    if (!status.ok()) {
      --unanswered_;
      unanswered_bytes_ -= bytes;
      EndWith(status);
    }
    Proceed();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) GiveUp();
    Proceed();
  }

  void OnCancel() override {
    MutexLock lock(&mutex_);
    GiveUp();
    Proceed();
  }

  void OnDone() override {
    --service_->metrics_->report_streams;
    const std::shared_ptr<Stream> self = shared_from_this();  // until this returns
    MutexLock lock(&service_->mutex_);
    service_->streams_.erase(self);
  }

 private:
  void Answer(const absl::StatusOr<uint64_t>& watermark, int64_t sent_us, absl::Time received, size_t bytes) {
    MutexLock lock(&mutex_);
    --unanswered_;
    unanswered_bytes_ -= bytes;
    if (watermark.ok()) {
      watermark_ = std::max(watermark_, *watermark);
      response_.emplace();
      response_->set_request_sent_us(sent_us);
      response_->set_request_received_us(absl::ToUnixMicros(received));
    } else {
      EndWith(watermark.status());
    }
    Proceed();
  }

  // The peer is gone: what it would have been told is void.
  void GiveUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    peer_gone_ = true;
    EndWith(absl::CancelledError("the node is gone"));
  }

  // The first error counts, also after the node said that it sends no more.
  void EndWith(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!ending_ || ending_->ok()) ending_ = status;
  }

  // Starts what can be started now.
  void Proceed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    if (!ending_ && !reading_ && unanswered_ < ReportSession::kMaxUnanswered &&
        unanswered_bytes_ < ReportSession::kMaxUnansweredBytes) {
      reading_ = true;
      StartRead(&request_);
    }
    if (writing_) return;
    if (response_ && !peer_gone_) {
      writing_ = true;
      written_ = *std::exchange(response_, std::nullopt);
      written_.set_watermark(watermark_);
      written_.set_response_sent_us(absl::ToUnixMicros(service_->clock_->Now()));
      StartWrite(&written_);
    } else if (ending_ && unanswered_ == 0) {
      finished_ = true;
      Finish(ToGrpc(*ending_));
    }
  }

  ReportServiceImpl* const service_;
  ReportSession session_;       // used by the one read under way
  v1::ReportRequest request_;   // the same
  v1::ReportResponse written_;  // belongs to the write under way

  Mutex mutex_;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool peer_gone_ ABSL_GUARDED_BY(mutex_) = false;
  size_t unanswered_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t unanswered_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t watermark_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<v1::ReportResponse> response_ ABSL_GUARDED_BY(mutex_);  // the latest, to be written
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
};

grpc::ServerBidiReactor<v1::ReportRequest, v1::ReportResponse>* ReportServiceImpl::Report(
    grpc::CallbackServerContext* /*context*/) {
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(&mutex_);
    if (draining_) return new Refusal(absl::UnavailableError("the coordinator is stopping: try again"));
    if (streams_.size() >= kMaxStreams) {
      return new Refusal(absl::UnavailableError("the coordinator has as many streams as it may: try again"));
    }
    stream = std::make_shared<Stream>(this);
    streams_.insert(stream);
  }
  ++metrics_->report_streams;
  stream->Begin();
  return stream.get();
}

void ReportServiceImpl::Drain() {
  std::vector<std::shared_ptr<Stream>> streams;
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const auto& stream : streams) stream->End(absl::UnavailableError("the coordinator is stopping"));
}

}  // namespace fedcarbon::server
