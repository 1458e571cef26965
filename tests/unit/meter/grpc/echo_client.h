// Calls of the Echo service in every style in which gRPC lets one write a client, each with its own tally.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/meter/grpc/echo_server.h"
#include "tests/unit/meter/grpc/tally.h"

namespace fedcarbon::test {

enum class ClientStyle { kSync, kCallback, kCompletionQueue, kGenericQueue, kGenericCallback };
std::string NameOf(ClientStyle style);

/// Whether its channel must be declared raw.
bool IsRaw(ClientStyle style);

struct Exchange {
  Tally tally;
  grpc::Status status;
};

/// Sends `requests` (methods that take one: the first) and reads all answers. A BidiStream reads one answer
/// after each request.
Exchange Call(ClientStyle style, Method method, const std::shared_ptr<grpc::Channel>& channel,
              grpc::ClientContext* context, const std::vector<Payload>& requests);

}  // namespace fedcarbon::test
