// The report stream to a coordinator, as the Reporter sees it: messages of proto/fedcarbon/v1/report.proto,
// and nothing of how they travel. lib/fedcarbon/report/grpc has the one over gRPC, tests one without a
// network.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "fedcarbon/v1/report.pb.h"

namespace fedcarbon {

/// Hears what comes back on a stream. Called on any thread, one call at a time; does not block.
class StreamListener {
 public:
  virtual ~StreamListener() = default;

  /// An answer of the coordinator, in the order it sent them.
  virtual void OnResponse(v1::ReportResponse response) = 0;

  /// The stream is over; the last call. `status` is what the coordinator ended it with, or why it broke.
  virtual void OnEnd(absl::Status status) = 0;
};

/// One stream, open from construction. Used by one thread. The destructor ends it at once, whatever is under
/// way; the listener is not called after it.
class ReportClientStream {
 public:
  virtual ~ReportClientStream() = default;

  /// Queues a request behind those before it; never blocks. Without effect on a stream that is over.
  virtual void Send(v1::ReportRequest request) = 0;
};

/// Opens streams. Used by one thread, which has at most one stream at a time.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Never null and never blocks: connecting goes on behind it, and a failure arrives as OnEnd. `listener`
  /// outlives the stream; it may be called before Open returns.
  virtual std::unique_ptr<ReportClientStream> Open(StreamListener* listener) = 0;
};

}  // namespace fedcarbon
