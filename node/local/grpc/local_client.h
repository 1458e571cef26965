// The script's end of a LocalService session.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "fedcarbon/v1/local.grpc.pb.h"

namespace fedcarbon::node {

/// Used by one thread. Destroyed without Close(): to the daemon the script has died.
class LocalClient {
 public:
  /// Of the socket at `path`. Starts threads, and connects with the first event.
  explicit LocalClient(const std::string& path);
  ~LocalClient();
  LocalClient(const LocalClient&) = delete;
  LocalClient& operator=(const LocalClient&) = delete;

  /// Says it, and waits until the daemon has taken it, at most `patience`. An event that is refused has the
  /// daemon's own status, and the session goes on; after any other failure the session is over, and each
  /// later call fails with the same status.
  absl::Status Send(const v1::LocalEvent& event, absl::Duration patience);

  /// Half-closes, and waits until the daemon has heard it.
  absl::Status Close(absl::Duration patience);

 private:
  /// Waits for the one operation that is under way. False: it failed, or was not done in time.
  bool IsDone(gpr_timespec deadline);
  absl::Status Start(gpr_timespec deadline);
  absl::Status Fail(gpr_timespec deadline);

  grpc::CompletionQueue queue_;
  std::unique_ptr<v1::LocalService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::LocalEvent, v1::LocalAnswer>> stream_;  // null: not begun
  v1::LocalAnswer answer_;
  grpc::Status finished_;
  bool is_waiting_ = false;  // for an operation that came too late
  absl::Status broken_;
};

}  // namespace fedcarbon::node
