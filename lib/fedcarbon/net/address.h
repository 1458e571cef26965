// Where something listens: HOST:PORT as people write it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace fedcarbon {

/// A value. Looks no name up.
struct Address {
  std::string host;  // a name or a number, an IPv6 address without its brackets
  int port = 0;      // 0 to 65535; where one listens, 0 lets the system choose

  /// "HOST:PORT", with brackets around an IPv6 address.
  std::string text() const;

  /// Whether only this machine can reach it: localhost, 127.x.x.x or ::1.
  bool is_loopback() const;
};

/// INVALID_ARGUMENT, naming the text and what is wrong with it.
absl::StatusOr<Address> ParseAddress(const std::string& text);

}  // namespace fedcarbon
