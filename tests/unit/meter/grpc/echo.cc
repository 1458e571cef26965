#include "tests/unit/meter/grpc/echo.h"

namespace fedcarbon::test {

std::string NameOf(Method method) {
  switch (method) {
    case Method::kUnary:
      return "Unary";
    case Method::kClientStream:
      return "ClientStream";
    case Method::kServerStream:
      return "ServerStream";
    case Method::kBidiStream:
      return "BidiStream";
  }
  return "";
}

std::string PathOf(Method method) { return "/fedcarbon.test.Echo/" + NameOf(method); }

Payload Data(size_t size, uint32_t answers) {
  Payload payload;
  payload.set_data(std::string(size, 'x'));
  payload.set_answers(answers);
  return payload;
}

std::vector<Payload> Answerer::OnRequest(const Payload& request) {
  std::vector<Payload> answers;
  switch (method_) {
    case Method::kUnary:
    case Method::kBidiStream:
      answers.emplace_back().set_data(request.data() + request.data());
      break;
    case Method::kClientStream:
      all_ += request.data();
      break;
    case Method::kServerStream: {
      std::string data;
      for (uint32_t i = 0; i < request.answers(); ++i) {
        answers.emplace_back().set_data(data);
        data += request.data();
      }
      break;
    }
  }
  return answers;
}

std::vector<Payload> Answerer::OnEnd() {
  std::vector<Payload> answers;
  if (method_ == Method::kClientStream) answers.emplace_back().set_data(all_);
  return answers;
}

}  // namespace fedcarbon::test
