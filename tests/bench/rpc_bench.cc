// A unary RPC over loopback with and without interceptors at both ends, in one process: sync client, sync server.
#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

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

void Echo(benchmark::State& state, const std::shared_ptr<Meter>& client, const std::shared_ptr<Meter>& server) {
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  MeterServer(&builder, server);
  const std::unique_ptr<grpc::Server> running = builder.BuildAndStart();
  const auto stub = test::Echo::NewStub(
      CreateMeteredChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), client));

  test::Payload request, response;
  request.set_data(std::string(static_cast<size_t>(state.range(0)), 'x'));
  RoundScope scope({"2f1ae9b0-3c1f-4a53-9f1b-1c2d3e4f5a6b", 3});
  for (auto _ : state) {
    grpc::ClientContext context;
    const grpc::Status status = stub->Unary(&context, request, &response);
    if (!status.ok()) state.SkipWithError(status.error_message().c_str());
  }
}

void RpcPlain(benchmark::State& state) { Echo(state, Meter::Disabled(), Meter::Disabled()); }
void RpcMetered(benchmark::State& state) { Echo(state, NewMeter("client.example"), NewMeter("server.example")); }

void Configure(benchmark::internal::Benchmark* arm) {
  arm->Arg(1'000)->Arg(1'000'000)->Repetitions(31)->MinTime(0.2)->UseRealTime()->MeasureProcessCPUTime();
}
BENCHMARK(RpcPlain)->Apply(Configure);
BENCHMARK(RpcMetered)->Apply(Configure);

}  // namespace
}  // namespace fedcarbon
