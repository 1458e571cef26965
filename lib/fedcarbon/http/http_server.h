// cpp-httplib's HTTP/1.1 server for what a program says of itself: page, API, health, metrics. One request
// per connection, and no body of a request is read. Everything that the other side can take is bounded.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/net/address.h"

namespace fedcarbon {

/// The longest request line, its line end included, and the longest header field: cpp-httplib's own limit.
inline constexpr size_t kMaxRequestLineBytes = 8192;

struct HttpLimits {
  size_t request_bytes = 16'384;  // request line and header section
  size_t connections = 8;         // at once, a thread for each; what comes past it waits in the kernel
  absl::Duration read = absl::Seconds(10);   // from the first thing that a thread does with the connection
  absl::Duration total = absl::Seconds(60);  // reading and writing
};

struct HttpRequest {
  std::string method;
  std::string target;         // as it came: path and query, encoded
  std::string if_none_match;  // empty: none
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no body, which an error must have
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;  // of the header, beside its type and length
};

/// What answers. It is called from several threads at once.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// GET and HEAD alike: the server leaves out the body of a HEAD.
  virtual HttpResponse Handle(const HttpRequest& request) = 0;

  /// For a request that is none, or too large: `status` is 400, 414 or, for a range that is none, 416.
  virtual HttpResponse Refuse(int status, const std::string& why) = 0;
};

/// Answers from threads of its own from Start until it is destroyed.
class HttpServer {
 public:
  /// `handler` must outlive this. UNAVAILABLE, with the address, if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const Address& address, const HttpLimits& limits,
                                                           HttpHandler* handler);

  /// Cuts what is under way, then returns.
  ~HttpServer();

  /// With the port that the system chose.
  const Address& listening() const { return listening_; }

 private:
  class Impl;
  HttpServer(std::unique_ptr<Impl> impl, const Address& listening);

  std::unique_ptr<Impl> impl_;
  const Address listening_;
};

}  // namespace fedcarbon
