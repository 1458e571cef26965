// The ends that a proxy stands between: blocking sockets that give up after 20 s, so that a test fails
// instead of hanging.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "fedcarbon/net/endpoint.h"
#include "node/sockets/file_descriptor.h"
#include "node/sockets/socket.h"

namespace fedcarbon::node::testing {

constexpr absl::Duration kPatience = absl::Seconds(20);

inline Endpoint At(const std::string& text) {
  absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
  EXPECT_TRUE(endpoint.ok()) << endpoint.status();
  return endpoint.ok() ? *std::move(endpoint) : Endpoint();
}

/// A Unix socket that nobody else uses.
inline std::string UnixPlace(const std::string& name) {
  return "unix:" + ::testing::TempDir() + name + "." + std::to_string(getpid()) + ".sock";
}

/// Looks again and again until `condition` holds; false after kPatience. For what nobody notifies of.
inline bool Eventually(const std::function<bool()>& condition) {
  for (const absl::Time deadline = absl::Now() + kPatience; !condition();) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

/// Bytes that repeat nowhere soon.
inline std::string RandomBytes(size_t size, uint32_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    const uint64_t next = random();
    std::memcpy(&bytes[at], &next, std::min(sizeof(next), size - at));
  }
  return bytes;
}

/// How a connection's other end stopped sending.
enum class Ending { kFin, kReset, kNone };

/// How an end of a connection reads: of `End`, which has ReceiveInto(buffer, size, count), false at the end.
template <typename End>
class Receiver {
 public:
  /// `size` bytes; fewer if the connection ended before.
  std::string Receive(size_t size) {
    std::string bytes(size, '\0');
    size_t at = 0;
    while (at < size && end().ReceiveInto(&bytes[at], size - at, &at)) {
    }
    bytes.resize(at);
    return bytes;
  }

  /// All until the other end stops sending; how it did is in ending().
  std::string ReceiveAll() {
    std::string bytes;
    size_t at = 0;
    do {
      bytes.resize(at + (256 << 10));
    } while (end().ReceiveInto(&bytes[at], bytes.size() - at, &at));
    bytes.resize(at);
    return bytes;
  }

 private:
  End& end() { return static_cast<End&>(*this); }
};

/// One end of a connection. Used by one thread at a time for each direction.
class Socket : public Receiver<Socket> {
 public:
  Socket() = default;
  explicit Socket(FileDescriptor fd) : fd_(std::move(fd)) {
    const timeval patience{absl::ToInt64Seconds(kPatience), 0};
    setsockopt(get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }

  /// `receive_buffer`: of the kernel, in bytes; 0: as the kernel likes it.
  static Socket Connect(const Endpoint& endpoint, int receive_buffer = 0) {
    const SocketAddress address = NumericAddresses(endpoint).at(0);
    Socket socket(FileDescriptor(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    if (receive_buffer > 0) socket.SetReceiveBuffer(receive_buffer);
    EXPECT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size), 0)
        << endpoint.text() << ": " << std::strerror(errno);
    return socket;
  }

  int get() const { return fd_.get(); }

  void SetReceiveBuffer(int bytes) { setsockopt(get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); }

  /// False if the connection broke, or nothing was taken for kPatience.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  /// Sends without waiting, as much as the kernel takes; its number.
  size_t SendAvailable(std::string_view bytes) {
    const ssize_t sent = send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? static_cast<size_t>(sent) : 0;
  }

  Ending AwaitEnding() {
    EXPECT_EQ(ReceiveAll(), "");
    return ending_;
  }

  /// As the last Receive() met it; kNone: it did not.
  Ending ending() const { return ending_; }
  bool ended_in_order() const { return ending_ == Ending::kFin; }

  void FinishSending() { shutdown(get(), SHUT_WR); }
  Socket& socket() { return *this; }
  void Close() { fd_ = FileDescriptor(); }
  void CloseWithReset() { Reset(&fd_); }

  /// What the kernel counted.
  tcp_info Info() const {
    tcp_info info{};
    socklen_t size = sizeof(info);
    EXPECT_EQ(getsockopt(get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info;
  }

 private:
  friend Receiver<Socket>;

  bool ReceiveInto(char* buffer, size_t size, size_t* count) {
    ssize_t received;
    do {
      received = recv(get(), buffer, size, 0);
    } while (received < 0 && errno == EINTR);
    if (received > 0) {
      *count += static_cast<size_t>(received);
      return true;
    }
    ending_ = received == 0 ? Ending::kFin : errno == ECONNRESET ? Ending::kReset : Ending::kNone;
    return false;
  }

  FileDescriptor fd_;
  Ending ending_ = Ending::kNone;
};

/// Listens, and accepts when it is told to.
class Server {
 public:
  explicit Server(const std::string& at = "127.0.0.1:0") : endpoint_(At(at)) {
    absl::StatusOr<FileDescriptor> fd = Listen(endpoint_);
    EXPECT_TRUE(fd.ok()) << fd.status();
    if (!fd.ok()) return;
    endpoint_ = BoundEndpoint(endpoint_, fd->get());
    listening_ = Socket(*std::move(fd));
    fcntl(listening_.get(), F_SETFL, 0);  // blocking
  }

  const Endpoint& endpoint() const { return endpoint_; }
  int get() const { return listening_.get(); }

  /// What the sockets that it accepts inherit.
  void SetReceiveBuffer(int bytes) { listening_.SetReceiveBuffer(bytes); }

  Socket Accept() {
    FileDescriptor fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(fd.is_open()) << "nobody connects to " << endpoint_.text() << ": " << std::strerror(errno);
    return Socket(std::move(fd));
  }

  /// Whether nobody waits to be accepted at this moment.
  bool IsIdle() const {
    pollfd waiting{listening_.get(), POLLIN, 0};
    return poll(&waiting, 1, 0) == 0;
  }

  void Close() { listening_.Close(); }

 private:
  Endpoint endpoint_;
  Socket listening_;
};

}  // namespace fedcarbon::node::testing
