// The three lines of the README, in a program that builds against an installed fedcarbon.
#include <fedcarbon/cumulator/cumulator.h>
#include <fedcarbon/meter/grpc/metered.h>
#include <fedcarbon/report/grpc/metering_service.h>
#include <grpcpp/grpcpp.h>

#include <cstdio>

int main() {
  fedcarbon::MeteringServiceOptions options;
  options.node = "example.org";
  auto metering = fedcarbon::MeteringService::Start(options);
  if (!metering.ok()) {
    std::fprintf(stderr, "%s\n", metering.status().ToString().c_str());
    return 1;
  }
  auto channel = fedcarbon::CreateMeteredChannel("127.0.0.1:1", grpc::InsecureChannelCredentials(),
                                                 (*metering)->meter());
  grpc::ServerBuilder builder;
  fedcarbon::MeterServer(&builder, (*metering)->meter());
  fedcarbon::Cumulator cumulator;
  return channel != nullptr && cumulator.DataTransferred(1e6).ok() ? 0 : 1;
}
