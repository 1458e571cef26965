// The Echo service: its methods, messages and answers, whatever the style of client and server.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <vector>

#include "tests/unit/meter/grpc/echo.pb.h"

namespace fedcarbon::test {

enum class Method { kUnary, kClientStream, kServerStream, kBidiStream };
inline constexpr Method kMethods[] = {Method::kUnary, Method::kClientStream, Method::kServerStream,
                                      Method::kBidiStream};
std::string NameOf(Method method);  // "Unary"
std::string PathOf(Method method);  // "/fedcarbon.test.Echo/Unary"

/// A message with `size` bytes of data.
Payload Data(size_t size, uint32_t answers = 0);

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

}  // namespace fedcarbon::test
