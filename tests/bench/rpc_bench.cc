// A unary RPC over loopback with and without interceptors at both ends, in one process: sync client, sync
// server.
#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fedcarbon/meter/grpc/metered.h"
#include "fedcarbon/meter/meter.h"
#include "tests/unit/meter/grpc/echo.grpc.pb.h"

namespace fedcarbon {
namespace {

class EchoService : public test::Echo::Service {
 public:
  grpc::Status Unary(grpc::ServerContext*, const test::Payload* request, test::Payload* response) override {
    *response = *request;
    return grpc::Status::OK;
  }
};

/// Drops facts: what becomes of them later is not on the RPC's path.
class NullSink : public FactSink {
 public:
  void Record(Fact fact) override { benchmark::DoNotOptimize(fact); }
};

std::shared_ptr<Meter> NewMeter(const std::string& node) {
  MeterOptions options;
  options.node = node;
  return *Meter::Create(options, std::make_shared<NullSink>());
}

/// What gRPC's own machinery costs as soon as there is an interceptor.
class Idle : public grpc::experimental::Interceptor {
 public:
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override { methods->Proceed(); }
};
class IdleFactory : public grpc::experimental::ClientInterceptorFactoryInterface,
                    public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    return new Idle;
  }
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo*) override {
    return new Idle;
  }
};

enum class Arm { kPlain, kIdle, kMetered };

std::shared_ptr<grpc::Channel> NewChannel(const std::string& target, Arm arm) {
  const auto credentials = grpc::InsecureChannelCredentials();
  if (arm == Arm::kPlain) return grpc::CreateChannel(target, credentials);
  if (arm == Arm::kMetered) return CreateMeteredChannel(target, credentials, NewMeter("client.example"));
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> idle;
  idle.push_back(std::make_unique<IdleFactory>());
  return grpc::experimental::CreateCustomChannelWithInterceptors(target, credentials, {}, std::move(idle));
}

void Intercept(grpc::ServerBuilder* builder, Arm arm) {
  if (arm == Arm::kMetered) MeterServer(builder, NewMeter("server.example"));
  if (arm != Arm::kIdle) return;
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> idle;
  idle.push_back(std::make_unique<IdleFactory>());
  builder->experimental().SetInterceptorCreators(std::move(idle));
}

void Echo(benchmark::State& state, Arm arm) {
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  Intercept(&builder, arm);
  const std::unique_ptr<grpc::Server> running = builder.BuildAndStart();
  const auto stub = test::Echo::NewStub(NewChannel("127.0.0.1:" + std::to_string(port), arm));

  test::Payload request, response;
  request.set_data(std::string(static_cast<size_t>(state.range(0)), 'x'));
  RoundScope scope({"2f1ae9b0-3c1f-4a53-9f1b-1c2d3e4f5a6b", 3});
  for (auto _ : state) {
    grpc::ClientContext context;
    const grpc::Status status = stub->Unary(&context, request, &response);
    if (!status.ok()) state.SkipWithError(status.error_message().c_str());
  }
}

void RpcPlain(benchmark::State& state) { Echo(state, Arm::kPlain); }
void RpcIdle(benchmark::State& state) { Echo(state, Arm::kIdle); }
void RpcMetered(benchmark::State& state) { Echo(state, Arm::kMetered); }

void Configure(benchmark::internal::Benchmark* arm) {
  arm->Arg(1'000)->Arg(1'000'000)->Repetitions(31)->MinTime(0.2)->UseRealTime()->MeasureProcessCPUTime();
}
BENCHMARK(RpcPlain)->Apply(Configure);
BENCHMARK(RpcIdle)->Apply(Configure);
BENCHMARK(RpcMetered)->Apply(Configure);

}  // namespace
}  // namespace fedcarbon
