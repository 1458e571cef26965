// Meters gRPC channels and servers.
//
// ```cpp
// std::shared_ptr<grpc::Channel> Connect(const std::string& target, const std::shared_ptr<Meter>& meter) {
//   return CreateMeteredChannel(target, grpc::InsecureChannelCredentials(), meter);
// }
//
// std::unique_ptr<grpc::Server> Serve(grpc::Service* service, const std::shared_ptr<Meter>& meter) {
//   grpc::ServerBuilder builder;
//   builder.AddListeningPort("localhost:9092", grpc::InsecureServerCredentials());
//   builder.RegisterService(service);
//   MeterServer(&builder, meter);
//   return builder.BuildAndStart();
// }
// ```
//
// Every RPC kind and API style. Message bytes are those of the serialized message, before compression. gRPC
// takes interceptors through an experimental API; README.md in lib/fedcarbon/meter lists what it lets us see.
//
// A meter must not be null: Meter::Disabled() is the one that does nothing.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fedcarbon/meter/facts.h"
#include "fedcarbon/meter/meter.h"

namespace fedcarbon {

struct CallInterceptorOptions {
  /// Whether `fedcarbon-bin` is sent. Without it both ends of an edge are reconciled by their sums alone.
  bool send_context = true;

  /// Messages of every method are grpc::ByteBuffer (generic stubs and services). Else they are protobuf
  /// messages: reading one as the other crashes, and nothing can tell them apart.
  bool raw = false;

  /// The same for single methods, by full name ("/package.Service/Method").
  std::vector<std::string> raw_methods;

  /// Other interceptors of the application; they run before ours on the way out.
  std::vector<std::function<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>()>>
      client_interceptors;
  std::vector<std::function<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>()>>
      server_interceptors;
};

/// As grpc::CreateCustomChannel, metered. Thread-safe, and fails as that does: in the first call.
std::shared_ptr<grpc::Channel> CreateMeteredChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    std::shared_ptr<Meter> meter, const CallInterceptorOptions& options = {},
    const grpc::ChannelArguments& arguments = {});

/// Meters all services of the server. Call it once, before BuildAndStart: the builder holds one list of
/// interceptors, and a second call replaces the first one's. Never fails. Not thread-safe, as the builder.
void MeterServer(grpc::ServerBuilder* builder, std::shared_ptr<Meter> meter,
                 const CallInterceptorOptions& options = {});

/// In a handler, or beside a running client call: names the run and round of the call from here on. The
/// answer to the client carries it if the whole call belonged to it. Thread-safe, also beside the call and
/// its end, while the context lives. Never fails: no effect on a call that is not metered or has ended.
void SetRound(const grpc::ServerContextBase* context, const RoundId& round);
void SetRound(const grpc::ClientContext* context, const RoundId& round);

}  // namespace fedcarbon
