// The values that flags and the configuration file have in common, read from text. Each function fails with
// INVALID_ARGUMENT that names the text, what is wrong with it, and what to write instead. Pure, but for
// ParseFile and ParseFolder, which look at the file system.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "fedcarbon/net/address.h"
#include "fedcarbon/net/endpoint.h"
#include "fedcarbon/units/pue.h"
#include "fedcarbon/v1/facts.pb.h"

namespace fedcarbon::node {

inline constexpr size_t kMaxHeaderName = 128;  // bytes
inline constexpr size_t kMaxServerName = 253;  // bytes

absl::StatusOr<std::string> ParseNode(const std::string& text);     // a lower-case DNS name
absl::StatusOr<std::string> ParseCountry(const std::string& text);  // ISO 3166-1 alpha-3
absl::StatusOr<std::string> ParseLink(const std::string& text);     // fixed, mobile, lan or datacentre
absl::StatusOr<double> ParsePue(const std::string& text);           // kMinPue to kMaxPue
absl::StatusOr<int> ParseThreads(const std::string& text);          // 1 to kMaxThreads
absl::StatusOr<v1::End> ParseSide(const std::string& text);         // client or server

/// Where one can connect to: as ParseAddress and ParseEndpoint, but no port 0.
absl::StatusOr<Address> ParseReachableAddress(const std::string& text);
absl::StatusOr<Endpoint> ParseReachableEndpoint(const std::string& text);

/// The path of a Unix socket: 1 to kMaxUnixPath bytes.
absl::StatusOr<std::string> ParseSocket(const std::string& path);

/// The name of an HTTP header field, in lower case.
absl::StatusOr<std::string> ParseHeaderName(const std::string& text);

/// The name that a server's certificate must have: a DNS name or an IP address.
absl::StatusOr<std::string> ParseServerName(const std::string& text);

/// The name of a protocol for ALPN.
absl::StatusOr<std::string> ParseAlpnName(const std::string& text);

/// A file that can be read, and a folder that can be written to.
absl::StatusOr<std::string> ParseFile(const std::string& path);
absl::StatusOr<std::string> ParseFolder(const std::string& path);

}  // namespace fedcarbon::node
