// The Echo service in every style in which gRPC lets one write a server, each with its own tally.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "fedcarbon/meter/grpc/metered.h"
#include "tests/unit/meter/grpc/echo.grpc.pb.h"
#include "tests/unit/meter/grpc/echo.h"
#include "tests/unit/meter/grpc/tally.h"

namespace fedcarbon::test {

enum class ServerStyle { kSync, kCallback, kCompletionQueue, kGeneric };
std::string NameOf(ServerStyle style);

/// Listens on a free port of 127.0.0.1 until destroyed.
class EchoServer {
 public:
  virtual ~EchoServer() = default;
  const std::string& address() const { return address_; }
  Tally tally() const { return tally_.Get(); }

 protected:
  void Start(grpc::ServerBuilder* builder, const std::shared_ptr<Meter>& meter,
             const CallInterceptorOptions& options);

  /// Ends its calls. Of the most derived class's destructor: handlers run until then.
  void Stop();

  ServerTally tally_;

 private:
  std::unique_ptr<grpc::Server> grpc_server_;
  std::string address_;
};

std::unique_ptr<EchoServer> StartEchoServer(ServerStyle style, const std::shared_ptr<Meter>& meter,
                                            CallInterceptorOptions options = {});

/// A server of the caller's own service. Listens as EchoServer does.
class ServiceServer : public EchoServer {
 public:
  ServiceServer(grpc::Service* service, const std::shared_ptr<Meter>& meter,
                const CallInterceptorOptions& options = {});
  ~ServiceServer() override;
};

}  // namespace fedcarbon::test
