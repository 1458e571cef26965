// One accepted TCP connection: a request, its answer, the close. It reads no more and takes no longer than
// its limits, whatever the other side does.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "fedcarbon/http/http_server.h"

namespace fedcarbon {

/// Whether one of poll's `events` came for `fd` before CLOCK_MONOTONIC reached `deadline` and before `stop`
/// was readable.
bool WaitFor(int fd, short events, int stop, absl::Duration deadline);

/// Closes the socket at its end. Not thread-safe.
class HttpConnection {
 public:
  /// Takes ownership of `socket`, which must not block. Once `stop` is readable, reads and writes fail.
  HttpConnection(int socket, int stop, const HttpLimits& limits);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void Serve(HttpHandler* handler);

 private:
  std::string ReadHead() const;
  void Write(const std::string& bytes) const;
  void DiscardRest() const;

  const int socket_;
  const int stop_;
  const size_t request_bytes_;
  const absl::Duration read_deadline_;
  const absl::Duration deadline_;
};

}  // namespace fedcarbon
