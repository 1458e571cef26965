#include "node/wire/wire.h"

#include <algorithm>

namespace fedcarbon::node {

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kHttp2:
      return "h2";
    case Protocol::kHttp1:
      return "http/1.1";
    case Protocol::kWebSocket:
      return "websocket";
    case Protocol::kTls:
      return "tls";
    case Protocol::kUndecided:
    case Protocol::kUnknown:
      break;
  }
  return "unknown";
}

const HeaderNames& HeaderNames::Standard() {
  static const auto* const standard =
      new HeaderNames{{":method", ":path", ":status", "content-type", "content-encoding", "grpc-status",
                       "grpc-encoding", "grpc-previous-rpc-attempts", "fedcarbon-bin"}};
  return *standard;
}

bool HeaderNames::Contains(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view HeaderBlock::Get(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (field == name) return value;
  }
  return {};
}

}  // namespace fedcarbon::node
