// The report stream over gRPC: ReportService of proto/fedcarbon/v1/report.proto.
#pragma once

#include <memory>
#include <string>

#include "fedcarbon/report/transport.h"
#include "fedcarbon/v1/report.grpc.pb.h"

namespace fedcarbon {

/// Reports over one channel without encryption, which is not metered. Each stream owns a thread, marked as
/// fedcarbon's own, that does its I/O and calls the listener.
class GrpcTransport : public Transport {
 public:
  /// `address`: HOST:PORT that CheckCoordinatorAddress admits. Does not connect yet.
  explicit GrpcTransport(const std::string& address);

  std::unique_ptr<ReportClientStream> Open(StreamListener* listener) override;

 private:
  const std::unique_ptr<v1::ReportService::Stub> stub_;
};

}  // namespace fedcarbon
