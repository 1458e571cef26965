// TCP and Unix sockets, non-blocking: the calls that the node needs of the kernel.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "fedcarbon/net/endpoint.h"
#include "fedcarbon/units/units.h"
#include "node/sockets/file_descriptor.h"

namespace fedcarbon::node {

/// A place that the kernel can connect to.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Looks no name up: addresses of a host that is a number, or of a Unix socket; nothing for a name.
std::vector<SocketAddress> NumericAddresses(const Endpoint& endpoint);

/// Looks the name up, and blocks meanwhile. In the order in which they should be tried; nothing if there are
/// none.
std::vector<SocketAddress> LookUp(const Address& address);

/// Binds and listens. A Unix socket that nobody listens on any more is replaced. ALREADY_EXISTS, if the place
/// is taken, and UNAVAILABLE name the endpoint and why.
absl::StatusOr<FileDescriptor> Listen(const Endpoint& endpoint);

/// `endpoint` with the port that a listening socket has.
Endpoint BoundEndpoint(const Endpoint& endpoint, int fd);

/// Begins to connect. `error` is 0 if it is under way or done, else an errno.
FileDescriptor BeginConnect(const SocketAddress& address, int* error);

/// The outcome of a connect, or what broke a connection: an errno, 0 for none.
int PendingError(int fd);

/// Whether this outcome of a connect is a peer's that had accepted, and reset the connection before anybody
/// looked.
bool IsResetOnceConnected(int error);

/// Nothing is held back, urgent bytes come in their place among the others, and a peer that vanished without
/// a word is found out within two minutes: the ends' own probes reach no further than this proxy. Over
/// loopback, what is sent is not paced.
void PrepareForRelay(int fd);

/// Closes with a reset instead of a FIN.
void Reset(FileDescriptor* fd);

/// What the kernel counted of a TCP connection's payload. Nothing for other sockets, while bytes wait to be
/// sent, and after a reset.
struct KernelCount {
  Bytes sent;      // without what was sent again
  Bytes received;  // the peer's FIN not counted
  Bytes retransmitted;
};
std::optional<KernelCount> ReadKernelCount(int fd);

}  // namespace fedcarbon::node
