// The gRPC status code that a call ended with, from its answer's fields.
#pragma once

#include <string_view>

namespace fedcarbon::node {

/// `grpc-status` as it came: 2 (UNKNOWN) if it is not a number from 0 to 16.
int StatusOfGrpc(std::string_view grpc_status);

/// Of an answer without grpc-status: gRPC's mapping of HTTP statuses (doc/http-grpc-status-mapping.md), which
/// makes 2 (UNKNOWN) of all that it does not name. If nobody `expects_grpc`, 2xx and 3xx are 0 (OK).
int StatusOfHttp(std::string_view http_status, bool expects_grpc);

}  // namespace fedcarbon::node
