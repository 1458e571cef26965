// Where a listener listens or an upstream is: HOST:PORT, or a Unix socket.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "fedcarbon/net/address.h"

namespace fedcarbon {

inline constexpr size_t kMaxUnixPath = 107;  // bytes: what sockaddr_un holds, and a zero

struct Endpoint {
  Address address;        // of TCP
  std::string unix_path;  // not empty: a Unix socket instead

  bool is_unix() const { return !unix_path.empty(); }

  /// "HOST:PORT" or "unix:PATH", as ParseEndpoint reads it.
  std::string text() const;

  friend bool operator==(const Endpoint& a, const Endpoint& b) { return a.text() == b.text(); }
};

/// INVALID_ARGUMENT, naming the text and what is wrong with it. A Unix socket's path has at most
/// kMaxUnixPath.
absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text);

}  // namespace fedcarbon
