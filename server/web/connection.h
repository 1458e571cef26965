// One accepted TCP connection, bounded: it reads no more and takes no longer than its limits, whatever the
// other side does. cpp-httplib by itself bounds neither the header section nor the time that a request takes.
#pragma once

#include <httplib.h>

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "server/web/http_server.h"

namespace fedcarbon::server {

/// Closes the socket at its end. Not thread-safe. After a limit, reads and writes fail.
class Connection : public httplib::Stream {
 public:
  /// Takes ownership of `socket`. `stop_fd` is readable once the server stops: then reads and writes fail
  /// too.
  Connection(int socket, int stop_fd, const HttpLimits& limits);
  ~Connection() override;

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
  const int stop_fd_;
  const absl::Duration read_deadline_;  // by the monotonic clock
  const absl::Duration deadline_;
  size_t readable_bytes_;  // that the limit still allows
  char buffer_[4096];
  size_t buffer_begin_ = 0;
  size_t buffer_end_ = 0;
};

}  // namespace fedcarbon::server
