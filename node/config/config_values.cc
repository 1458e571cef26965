#include "node/config/config_values.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/text/country_codes.h"
#include "fedcarbon/text/names.h"
#include "node/proxy/options.h"

namespace fedcarbon::node {
namespace {

absl::Status Error(const std::string& text, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' ", what));
}

// RFC 9110, 5.6.2.
bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(c) || std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
}

}  // namespace

absl::StatusOr<std::string> ParseNode(const std::string& text) {
  if (IsNodeName(text)) return text;
  return Error(text,
               "is no node's name: write a lower-case DNS name of at most 253 characters, such as "
               "hospital-a.example.org");
}

absl::StatusOr<std::string> ParseCountry(const std::string& text) {
  if (IsCountryCode(text)) return text;
  return Error(text, "is no country: write an ISO 3166-1 alpha-3 code such as CHE, or leave it out");
}

absl::StatusOr<std::string> ParseLink(const std::string& text) {
  for (const char* kind : {"fixed", "mobile", "lan", "datacentre"}) {
    if (text == kind) return text;
  }
  return Error(text, "is no kind of link: write fixed, mobile, lan or datacentre");
}

absl::StatusOr<double> ParsePue(const std::string& text) {
  double pue = 0;
  if (absl::SimpleAtod(text, &pue) && IsPue(pue)) return pue;
  return Error(text, absl::StrCat("is no power usage effectiveness: write a number from ", kMinPue, " to ",
                                  kMaxPue, ", or leave it out if the site measured none"));
}

absl::StatusOr<int> ParseThreads(const std::string& text) {
  int threads = 0;
  if (absl::SimpleAtoi(text, &threads) && threads >= 1 && threads <= kMaxThreads) return threads;
  return Error(text, absl::StrCat("is no number of threads: write one from 1 to ", kMaxThreads));
}

absl::StatusOr<v1::End> ParseSide(const std::string& text) {
  if (text == "client") return v1::END_CLIENT;
  if (text == "server") return v1::END_SERVER;
  return Error(text,
               "is no side: write client if the node calls through this listener, server if it answers");
}

absl::StatusOr<Address> ParseReachableAddress(const std::string& text) {
  absl::StatusOr<Address> address = ParseAddress(text);
  if (address.ok() && address->port == 0) {
    return Error(text, "cannot be connected to: write a port from 1 to 65535");
  }
  return address;
}

absl::StatusOr<Endpoint> ParseReachableEndpoint(const std::string& text) {
  absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
  if (endpoint.ok() && !endpoint->is_unix() && endpoint->address.port == 0) {
    return Error(text, "cannot be connected to: write a port from 1 to 65535");
  }
  return endpoint;
}

absl::StatusOr<std::string> ParseSocket(const std::string& path) {
  const absl::StatusOr<Endpoint> endpoint = ParseEndpoint("unix:" + path);
  if (endpoint.ok() && !absl::StartsWith(path, "unix:")) return path;
  return Error(path, absl::StrCat("is no place for a Unix socket: write a path of 1 to ", kMaxUnixPath,
                                  " bytes, such as /run/fedcarbon/local.sock"));
}

absl::StatusOr<std::string> ParseHeaderName(const std::string& text) {
  if (text.size() <= kMaxHeaderName && std::all_of(text.begin(), text.end(), IsTokenCharacter)) {
    return absl::AsciiStrToLower(text);
  }
  return Error(text, absl::StrCat("is no header field's name: write letters, digits and hyphens, at most ",
                                  kMaxHeaderName));
}

absl::StatusOr<std::string> ParseServerName(const std::string& text) {
  if (text.size() <= kMaxServerName && std::all_of(text.begin(), text.end(), [](char character) {
        return absl::ascii_isalnum(character) || std::strchr("-.:_", character) != nullptr;
      })) {
    return text;
  }
  return Error(text, absl::StrCat("is no server's name: write a DNS name or an IP address, at most ",
                                  kMaxServerName, " characters, without a port"));
}

absl::StatusOr<std::string> ParseAlpnName(const std::string& text) {
  if (text.size() <= kMaxAlpnName) return text;
  return Error(text, absl::StrCat("is too long for a protocol's name: write at most ", kMaxAlpnName,
                                  " bytes, such as h2 or http/1.1"));
}

absl::StatusOr<std::string> ParseFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return Error(path, "is a folder: name a file in it");
  }
  if (access(path.c_str(), R_OK) == 0) return path;
  return Error(
      path, absl::StrCat("cannot be read: ", std::strerror(errno), ": name a file that this user may read"));
}

absl::StatusOr<std::string> ParseFolder(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && access(path.c_str(), W_OK) == 0) return path;
  return Error(path, "is no folder that can be written to: create it, or leave it out");
}

}  // namespace fedcarbon::node
