// An Echo service whose handlers each test writes itself.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>

#include "tests/unit/meter/grpc/echo.grpc.pb.h"

namespace fedcarbon::test {

struct Handlers final : Echo::Service {
  using Stream = grpc::ServerReaderWriter<Payload, Payload>;

  std::function<grpc::Status(grpc::ServerContext*, const Payload&, Payload*)> unary;
  std::function<grpc::Status(grpc::ServerContext*, Stream*)> bidi_stream;

  grpc::Status Unary(grpc::ServerContext* context, const Payload* request, Payload* answer) override {
    return unary(context, *request, answer);
  }
  grpc::Status BidiStream(grpc::ServerContext* context, Stream* stream) override {
    return bidi_stream(context, stream);
  }
};

}  // namespace fedcarbon::test
