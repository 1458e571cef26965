// The command's end of the coordinator's FootprintService.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/sync/grpc/deadline.h"
#include "fedcarbon/v1/footprint.grpc.pb.h"

namespace fedcarbon::cli {

/// An answer takes at most this long.
inline constexpr absl::Duration kAnswerWithin = absl::Seconds(60);

/// Not thread-safe. Errors are the coordinator's; UNAVAILABLE names the address and the remedy.
class Client {
 public:
  /// INVALID_ARGUMENT if `address` is not HOST:PORT, or lies beyond this machine without `insecure`: until
  /// coordinators have certificates the connection is open to whoever lies between.
  static absl::StatusOr<Client> Connect(const std::string& address, bool insecure);

  /// Calls a method of the stub. Says on stderr that it waits, if that takes more than 2 s.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::FootprintService::Stub::*method)(grpc::ClientContext*,
                                                                                   const Request&, Response*),
                                const Request& request);

  v1::FootprintService::Stub* stub() { return stub_.get(); }

  /// The status of a call to this coordinator.
  absl::Status Explain(const grpc::Status& status) const;

 private:
  Client(std::string address, std::unique_ptr<v1::FootprintService::Stub> stub)
      : address_(std::move(address)), stub_(std::move(stub)) {}

  std::string address_;
  std::unique_ptr<v1::FootprintService::Stub> stub_;
};

/// Says on stderr that the program still waits: after 2 s, and on a terminal every second. Thread-safe.
class Progress {
 public:
  explicit Progress(std::string text);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  class State;
  std::unique_ptr<State> state_;
};

template <typename Request, typename Response>
absl::StatusOr<Response> Client::Call(grpc::Status (v1::FootprintService::Stub::*method)(grpc::ClientContext*,
                                                                                         const Request&,
                                                                                         Response*),
                                      const Request& request) {
  Progress progress("waiting for " + address_);
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(kAnswerWithin));
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) return Explain(status);
  return response;
}

}  // namespace fedcarbon::cli
