// One accepted TCP connection, bounded: it reads no more and takes no longer than its limits, whatever the
// other side does. cpp-httplib by itself bounds neither the header section nor the time that a request takes.
// Only for this folder: httplib.h is large.
#pragma once

#include <httplib.h>

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "fedcarbon/http/http_server.h"

namespace fedcarbon {

/// Closes the socket at its end. Not thread-safe. Past its bytes it is at its end, as if the other side had
/// sent no more; past its time, reads and writes fail.
class HttpConnection : public httplib::Stream {
 public:
  /// Takes ownership of `socket`. Once `stop` is readable, reads and writes fail.
  HttpConnection(int socket, int stop, const HttpLimits& limits);
  ~HttpConnection() override;

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* bytes, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  bool Wait(short events, absl::Duration deadline) const;
  void DiscardRest();

  const int socket_;
  const int stop_;
  const absl::Duration deadline_;  // on CLOCK_MONOTONIC, as the next
  const absl::Duration read_deadline_;
  size_t readable_bytes_;  // that the limit still allows
  char buffer_[4096];
  size_t buffer_begin_ = 0;
  size_t buffer_end_ = 0;
};

}  // namespace fedcarbon
