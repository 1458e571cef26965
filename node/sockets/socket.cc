#include "node/sockets/socket.h"

#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace fedcarbon::node {
namespace {

// Of connections that the proxy has not accepted yet; the kernel's own limit (somaxconn) applies too.
constexpr int kBacklog = 4'096;

constexpr int kKeepaliveIdleSeconds = 60;
constexpr int kKeepaliveIntervalSeconds = 15;
constexpr int kKeepaliveProbes = 4;

// Nothing is congested inside a machine, and an algorithm that paces (BBR, which some hosts have as default)
// pays a timer for every few packets. This one is always there, and allowed to everybody.
constexpr std::string_view kLoopbackCongestion = "reno";

std::vector<SocketAddress> GetAddresses(const Address& address, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::vector<SocketAddress> addresses;
  const std::string port = absl::StrCat(address.port);
  if (getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found) != 0) return addresses;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    SocketAddress& next = addresses.emplace_back();
    next.size = info->ai_addrlen;
    std::memcpy(&next.storage, info->ai_addr, info->ai_addrlen);
  }
  freeaddrinfo(found);
  return addresses;
}

SocketAddress UnixAddress(const std::string& path) {
  SocketAddress address;
  sockaddr_un unix{};
  unix.sun_family = AF_UNIX;
  std::memcpy(unix.sun_path, path.data(), path.size());
  address.size = sizeof(unix);
  std::memcpy(&address.storage, &unix, sizeof(unix));
  return address;
}

int Connect(int fd, const SocketAddress& address) {
  return connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size);
}

FileDescriptor OpenSocket(const SocketAddress& address) {
  return FileDescriptor(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool IsLoopback(const SocketAddress& address) {
  switch (address.storage.ss_family) {
    case AF_INET:
      return ntohl(reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr.s_addr) >> 24 ==
             IN_LOOPBACKNET;
    case AF_INET6:
      return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr);
    default:
      return false;
  }
}

// What an earlier process left behind keeps others from binding.
void RemoveAbandonedSocket(const SocketAddress& address, const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  const FileDescriptor probe = OpenSocket(address);
  if (Connect(probe.get(), address) != 0 && errno == ECONNREFUSED) unlink(path.c_str());
}

// Nothing if the connection was reset; says so only once.
std::optional<bool> IsClosedByPeer(int fd) {
  char next;
  const ssize_t count = recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count < 0 && errno != EAGAIN) return std::nullopt;
  return count == 0;
}

}  // namespace

std::vector<SocketAddress> NumericAddresses(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return {UnixAddress(endpoint.unix_path)};
  return GetAddresses(endpoint.address, AI_NUMERICHOST);
}

std::vector<SocketAddress> LookUp(const Address& address) { return GetAddresses(address, AI_ADDRCONFIG); }

absl::StatusOr<FileDescriptor> Listen(const Endpoint& endpoint) {
  const auto error = [&](absl::StatusCode code, const char* what) {
    return absl::Status(code, absl::StrCat("cannot listen on ", endpoint.text(), ": ", what));
  };
  std::vector<SocketAddress> addresses = NumericAddresses(endpoint);
  if (addresses.empty()) addresses = LookUp(endpoint.address);
  if (addresses.empty()) return error(absl::StatusCode::kUnavailable, "no such host");
  const SocketAddress& address = addresses.front();
  if (endpoint.is_unix()) RemoveAbandonedSocket(address, endpoint.unix_path);
  FileDescriptor fd = OpenSocket(address);
  const int on = 1;
  if (!endpoint.is_unix()) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (!fd.is_open() ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return error(errno == EADDRINUSE ? absl::StatusCode::kAlreadyExists : absl::StatusCode::kUnavailable,
                 std::strerror(errno));
  }
  return fd;
}

Endpoint BoundEndpoint(const Endpoint& endpoint, int fd) {
  Endpoint bound = endpoint;
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (endpoint.is_unix() ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
    return bound;
  }
  bound.address.port = ntohs(address.storage.ss_family == AF_INET6
                                 ? reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port
                                 : reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
  return bound;
}

FileDescriptor BeginConnect(const SocketAddress& address, int* error) {
  FileDescriptor fd = OpenSocket(address);
  *error = 0;
  if (!fd.is_open() || (Connect(fd.get(), address) != 0 && errno != EINPROGRESS)) *error = errno;
  return fd;
}

int PendingError(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// One that nobody accepts is refused; EPIPE: the peer had said before that it sends nothing.
bool IsResetOnceConnected(int error) { return error == ECONNRESET || error == EPIPE; }

void PrepareForRelay(int fd) {
  const auto set = [fd](int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof(value));  // a Unix socket has none of them
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_OOBINLINE, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveIntervalSeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
  SocketAddress peer;
  peer.size = sizeof(peer.storage);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) == 0 && IsLoopback(peer)) {
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kLoopbackCongestion.data(), kLoopbackCongestion.size());
  }
}

void Reset(FileDescriptor* fd) {
  const linger at_once{1, 0};
  setsockopt(fd->get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  *fd = FileDescriptor();
}

std::optional<KernelCount> ReadKernelCount(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  // The kernel counts a FIN as a byte, and it may come at this very moment: TLS has its own end, before it.
  std::optional<bool> before, is_closed = IsClosedByPeer(fd);
  do {
    before = is_closed;
    if (!before.has_value() || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    is_closed = IsClosedByPeer(fd);
  } while (is_closed != before);
  if (info.tcpi_notsent_bytes != 0) return std::nullopt;
  KernelCount count;
  count.retransmitted = Bytes(info.tcpi_bytes_retrans);
  count.sent = Bytes(info.tcpi_bytes_sent) - count.retransmitted;
  count.received = Bytes(info.tcpi_bytes_received) - Bytes(*is_closed ? 1 : 0);
  return count;
}

}  // namespace fedcarbon::node
