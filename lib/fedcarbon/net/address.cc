#include "fedcarbon/net/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace fedcarbon {

std::string Address::text() const {
  return absl::StrContains(host, ":") ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

bool Address::is_loopback() const {
  in_addr address;
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24) == 127;
  return host == "localhost" || host == "::1";
}

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  const auto error = [&text](const char* what) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no address: ", what, "; write HOST:PORT, as in 127.0.0.1:7433"));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return error("it has no port");
  Address address;
  address.host = text.substr(0, colon);
  if (address.host.empty()) return error("it has no host");
  const bool in_brackets =
      address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']';
  if (in_brackets) address.host = address.host.substr(1, address.host.size() - 2);
  if (in_brackets != absl::StrContains(address.host, ":")) {
    return error("an IPv6 address stands in brackets, and nothing else does");
  }
  // SimpleAtoi alone takes blanks and a sign too.
  const std::string port = text.substr(colon + 1);
  if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(port, &address.port) ||
      address.port > 65535) {
    return error("its port is not a number from 0 to 65535");
  }
  return address;
}

}  // namespace fedcarbon
