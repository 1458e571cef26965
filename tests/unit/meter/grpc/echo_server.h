// The Echo service in every style in which gRPC lets one write a server, each with its own tally.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "fedcarbon/meter/grpc/metered.h"
#include "tests/unit/meter/grpc/echo.grpc.pb.h"
#include "tests/unit/meter/grpc/tally.h"

namespace fedcarbon::test {

enum class Method { kUnary, kClientStream, kServerStream, kBidiStream };
inline constexpr Method kMethods[] = {Method::kUnary, Method::kClientStream, Method::kServerStream,
                                      Method::kBidiStream};
std::string NameOf(Method method);  // "Unary"
std::string PathOf(Method method);  // "/fedcarbon.test.Echo/Unary"

enum class ServerStyle { kSync, kCallback, kCompletionQueue, kGeneric };
std::string NameOf(ServerStyle style);

std::string BytesOf(const grpc::ByteBuffer& buffer);
grpc::ByteBuffer BufferOf(const std::string& bytes);

/// What Echo answers, whatever the style of the server.
class Answerer {
 public:
  explicit Answerer(Method method) : method_(method) {}
  std::vector<Payload> OnRequest(const Payload& request);
  std::vector<Payload> OnEnd();

 private:
  const Method method_;
  std::string all_;
};

/// Listens on a free port of 127.0.0.1 until destroyed.
class EchoServer {
 public:
  virtual ~EchoServer() = default;
  const std::string& address() const { return address_; }
  Tally tally() const { return tally_.Get(); }

 protected:
  void Start(grpc::ServerBuilder* builder, const std::shared_ptr<Meter>& meter,
             const MeteredOptions& options);

  /// Ends its calls. Of the most derived class's destructor: handlers run until then.
  void Stop();

  ServerTally tally_;

 private:
  std::unique_ptr<grpc::Server> grpc_server_;
  std::string address_;
};

std::unique_ptr<EchoServer> StartEchoServer(ServerStyle style, const std::shared_ptr<Meter>& meter,
                                            MeteredOptions options = {});

/// A server of the caller's own service. Listens as EchoServer does.
class ServiceServer : public EchoServer {
 public:
  ServiceServer(grpc::Service* service, const std::shared_ptr<Meter>& meter,
                const MeteredOptions& options = {});
  ~ServiceServer() override;
};

}  // namespace fedcarbon::test
