// Both ends of large gRPC messages, for the bench of the proxies: gRPC's own C++ peers, because how they
// write (a message of 100 MB is few large frames) decides what a proxy has to do. Unary calls one after the
// other.
//   grpc_bulk serve HOST:PORT
//   grpc_bulk up|down HOST:PORT BYTES CALLS     prints the seconds that the calls took
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "tests/unit/meter/grpc/echo.grpc.pb.h"

namespace fedcarbon {
namespace {

constexpr int kLargestMessage = 256 << 20;

/// Answers with `answers` bytes: of the echo's fields the one that is a number.
class BulkService : public test::Echo::Service {
 public:
  grpc::Status Unary(grpc::ServerContext*, const test::Payload* request, test::Payload* response) override {
    response->set_data(std::string(request->answers(), 'x'));
    return grpc::Status::OK;
  }
};

int Serve(const std::string& address) {
  BulkService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(kLargestMessage);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return EXIT_FAILURE;
  server->Wait();
  return EXIT_SUCCESS;
}

int Call(bool up, const std::string& address, size_t bytes, int calls) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kLargestMessage);
  const auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  const auto stub = test::Echo::NewStub(channel);
  test::Payload request;
  if (up) {
    request.set_data(std::string(bytes, 'x'));
  } else {
    request.set_answers(static_cast<uint32_t>(bytes));
  }
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    std::fprintf(stderr, "grpc_bulk: no connection to %s\n", address.c_str());
    return EXIT_FAILURE;
  }
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) {
    grpc::ClientContext context;
    test::Payload response;
    const grpc::Status status = stub->Unary(&context, request, &response);
    if (!status.ok() || response.data().size() != (up ? 0 : bytes)) {
      std::fprintf(stderr, "grpc_bulk: status %d, %zu bytes: %s\n", status.error_code(),
                   response.data().size(), status.error_message().c_str());
      return EXIT_FAILURE;
    }
  }
  std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace fedcarbon

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "serve" && argc == 3) return fedcarbon::Serve(argv[2]);
  if ((mode == "up" || mode == "down") && argc == 5) {
    return fedcarbon::Call(mode == "up", argv[2], std::strtoul(argv[3], nullptr, 10), std::atoi(argv[4]));
  }
  std::fprintf(stderr, "usage: grpc_bulk serve HOST:PORT | up|down HOST:PORT BYTES CALLS\n");
  return 2;
}
