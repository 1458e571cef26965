// ReportService over gRPC: ReportSession's requests and answers on the wire.
#pragma once

#include <memory>
#include <set>

#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "fedcarbon/v1/report.grpc.pb.h"
#include "server/ingest/ingestor.h"
#include "server/metrics/metrics.h"

namespace fedcarbon::server {

/// Callback API: no thread per stream; what a slow or dead node does not read waits in its own stream.
/// Thread-safe. Must outlive the gRPC server that it is registered with.
class ReportServiceImpl : public v1::ReportService::CallbackService {
 public:
  /// Streams open at once; each may hold ReportSession::kMaxUnansweredBytes of batches. One more is refused
  /// with UNAVAILABLE.
  static constexpr size_t kMaxStreams = 1000;

  /// All must outlive this.
  ReportServiceImpl(Ingestor* ingestor, const Clock* clock, Metrics* metrics)
      : ingestor_(ingestor), clock_(clock), metrics_(metrics) {}

  grpc::ServerBidiReactor<v1::ReportRequest, v1::ReportResponse>* Report(
      grpc::CallbackServerContext* context) override;

  /// Ends all streams with UNAVAILABLE once what they handed over is acknowledged; reads no further, and
  /// refuses new ones.
  void Drain();

 private:
  class Stream;

  Ingestor* const ingestor_;
  const Clock* const clock_;
  Metrics* const metrics_;
  Mutex mutex_;
  std::set<std::shared_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace fedcarbon::server
