// LocalService on a Unix socket: LocalSession's events and answers on the wire.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/sync/mutex.h"
#include "fedcarbon/v1/local.grpc.pb.h"
#include "node/local/open_rounds.h"

namespace fedcarbon::node {

/// Serves from Start() until it is destroyed; sessions that are open then end as ABANDONED. Callback API: no
/// thread per session. Thread-safe.
class LocalService {
 public:
  static constexpr size_t kMaxSessions = 256;  // at once; one more is refused with RESOURCE_EXHAUSTED
  static constexpr int kMaxEventBytes = 4'096;

  /// Listens at `path`, for the user and the group (mode 0660). A socket that nobody listens on any more is
  /// replaced; ALREADY_EXISTS or UNAVAILABLE names the path and why it cannot be had. `rounds` must outlive
  /// this.
  static absl::StatusOr<std::unique_ptr<LocalService>> Start(const std::string& path,
                                                             std::shared_ptr<Meter> meter,
                                                             OpenRounds* rounds);
  ~LocalService();

 private:
  class Session;
  using Raw = v1::LocalService::WithRawCallbackMethod_Session<v1::LocalService::Service>;

  // Takes events as bytes: those that cannot be read are answered too.
  class Service : public Raw {
   public:
    explicit Service(LocalService* local) : local_(local) {}
    grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Session(
        grpc::CallbackServerContext* context) override;

   private:
    LocalService* const local_;
  };

  LocalService(std::shared_ptr<Meter> meter, OpenRounds* rounds)
      : meter_(std::move(meter)), rounds_(rounds) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Open(grpc::CallbackServerContext* context);

  const std::shared_ptr<Meter> meter_;
  OpenRounds* const rounds_;
  Service service_{this};
  std::unique_ptr<grpc::Server> server_;

  Mutex mutex_;
  size_t sessions_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace fedcarbon::node
