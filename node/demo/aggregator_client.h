// A hospital's connection to the aggregator.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/sync/mutex.h"
#include "node/demo/demo.grpc.pb.h"
#include "node/demo/record.h"

namespace fedcarbon::demo {

/// Calls are made from one thread; Stop() may come from another. An aggregator that is away is waited for, a
/// minute at most, with a message on stderr. It counts for itself the bytes of the messages that calls which
/// ended well carried.
class AggregatorClient {
 public:
  /// `note` goes as metadata with every call, if it is not empty.
  AggregatorClient(std::shared_ptr<grpc::Channel> channel, std::string hospital, std::string note);

  /// Waits for a task. CANCELLED once stopped, UNAVAILABLE if the aggregator stayed away.
  absl::StatusOr<v1::Task> GetTask();
  absl::Status SubmitResult(const v1::Result& result);

  /// Cancels the call that waits, and all later ones.
  void Stop();

  ByteCount bytes() const { return bytes_; }

 private:
  using Method = std::function<grpc::Status(grpc::ClientContext*)>;

  /// Calls until it is answered, by an error too.
  absl::Status Call(const Method& method);

  /// Waits for the connection in short steps, so that Stop() is heard. `deadline`: monotonic.
  absl::Status WaitForConnection(absl::Duration deadline);
  absl::Status CallOnce(const Method& method);
  bool stopped() const;

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Training::Stub> stub_;
  const std::string hospital_;
  const std::string note_;
  ByteCount bytes_;
  mutable Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<grpc::ClientContext> call_ ABSL_GUARDED_BY(mutex_);  // the one that waits
};

}  // namespace fedcarbon::demo
