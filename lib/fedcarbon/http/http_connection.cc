#include "fedcarbon/http/http_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fedcarbon/sync/clock.h"

namespace fedcarbon {
namespace {

constexpr size_t kMaxDiscarded = 1'000'000;

absl::Duration Now() { return Clock::System()->Monotonic(); }

}  // namespace

HttpConnection::HttpConnection(int socket, int stop, const HttpLimits& limits)
    : socket_(socket),
      stop_(stop),
      deadline_(Now() + limits.total),
      read_deadline_(std::min(Now() + limits.read, deadline_)),
      readable_bytes_(limits.request_bytes) {}

HttpConnection::~HttpConnection() {
  shutdown(socket_, SHUT_WR);
  DiscardRest();
  close(socket_);
}

// What is unread when a socket closes makes the kernel reset the connection, and the answer may be lost with
// it: so read the rest of what the other side sent, within reason.
void HttpConnection::DiscardRest() {
  const absl::Duration deadline = std::min(read_deadline_, Now() + absl::Seconds(1));
  for (size_t discarded = 0; discarded < kMaxDiscarded && Wait(POLLIN, deadline);) {
    const ssize_t received = recv(socket_, buffer_, sizeof(buffer_), MSG_DONTWAIT);
    if (received <= 0) return;
    discarded += static_cast<size_t>(received);
  }
}

bool HttpConnection::Wait(short events, absl::Duration deadline) const {
  for (;;) {
    const absl::Duration left = std::min(deadline - Now(), absl::Hours(1));
    if (left <= absl::ZeroDuration()) return false;
    pollfd fds[] = {{socket_, events, 0}, {stop_, POLLIN, 0}};
    const int ready = poll(fds, 2, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0) return fds[1].revents == 0;
  }
}

bool HttpConnection::is_readable() const {
  return buffer_begin_ < buffer_end_ || Wait(POLLIN, read_deadline_);
}

bool HttpConnection::is_writable() const { return Wait(POLLOUT, deadline_); }

ssize_t HttpConnection::read(char* bytes, size_t size) {
  if (buffer_begin_ == buffer_end_) {
    const size_t wanted = std::min(sizeof(buffer_), readable_bytes_);
    if (wanted == 0) return 0;
    if (!Wait(POLLIN, read_deadline_)) return -1;
    const ssize_t received = recv(socket_, buffer_, wanted, MSG_DONTWAIT);
    if (received <= 0) return received;
    buffer_begin_ = 0;
    buffer_end_ = static_cast<size_t>(received);
    readable_bytes_ -= buffer_end_;
  }
  const size_t taken = std::min(size, buffer_end_ - buffer_begin_);
  std::memcpy(bytes, buffer_ + buffer_begin_, taken);
  buffer_begin_ += taken;
  return static_cast<ssize_t>(taken);
}

ssize_t HttpConnection::write(const char* bytes, size_t size) {
  if (!Wait(POLLOUT, deadline_)) return -1;
  return send(socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void HttpConnection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void HttpConnection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace fedcarbon
