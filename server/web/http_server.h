// Serves a Site over HTTP/1.1.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/web/site.h"

namespace fedcarbon::server {

/// The longest request line, its line end included: cpp-httplib's own limit.
inline constexpr size_t kMaxRequestLineBytes = 8192;

/// What one connection may take.
struct HttpLimits {
  size_t request_bytes = 16'384;  // request line, header section and body together
  absl::Duration read = absl::Seconds(10);
  absl::Duration total = absl::Seconds(60);  // reading and writing
};

/// One request per connection, a bounded number of threads, a bounded queue: what comes beyond waits in the
/// kernel. Answers from threads of its own from Start until it is destroyed.
class HttpServer {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    int port = 7480;  // 0: the system chooses
    HttpLimits limits;
  };

  /// `site` must outlive this. UNAVAILABLE, with the address, if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const Options& options, Site* site);

  /// Ends answers under way, then returns.
  ~HttpServer();

  int port() const { return port_; }

 private:
  class Impl;
  HttpServer(std::unique_ptr<Impl> impl, int port);
  std::unique_ptr<Impl> impl_;
  const int port_;
};

}  // namespace fedcarbon::server
