#include "fedcarbon/http/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "fedcarbon/http/http_connection.h"
#include "fedcarbon/sync/clock.h"

namespace fedcarbon {
namespace {

// -1, and errno, if that cannot be. Without SO_REUSEPORT: a port that another process uses must be an error.
int ListenAt(const addrinfo& place) {
  const int listener =
      socket(place.ai_family, place.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, place.ai_protocol);
  if (listener < 0) return -1;
  const int yes = 1;
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
      bind(listener, place.ai_addr, place.ai_addrlen) == 0 && listen(listener, SOMAXCONN) == 0) {
    return listener;
  }
  const int error = errno;
  close(listener);
  errno = error;
  return -1;
}

absl::StatusOr<int> Listen(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* places = nullptr;
  const int unknown =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &places);
  std::string why = unknown == 0 ? "" : gai_strerror(unknown);
  int listener = -1;
  for (const addrinfo* place = places; listener < 0 && place != nullptr; place = place->ai_next) {
    listener = ListenAt(*place);
    if (listener < 0) why = std::strerror(errno);
  }
  if (unknown == 0) freeaddrinfo(places);
  if (listener >= 0) return listener;
  return absl::UnavailableError(
      absl::StrCat("HTTP cannot listen on ", address.text(), ": ", why, "; choose another with --http"));
}

int PortOf(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const Address& address,
                                                              const HttpLimits& limits,
                                                              HttpHandler* handler) {
  const absl::StatusOr<int> listener = Listen(address);
  if (!listener.ok()) return listener.status();
  return std::unique_ptr<HttpServer>(
      new HttpServer(*listener, {address.host, PortOf(*listener)}, limits, handler));
}

HttpServer::HttpServer(int listener, const Address& listening, const HttpLimits& limits, HttpHandler* handler)
    : listener_(listener),
      stop_(eventfd(0, EFD_CLOEXEC)),
      listening_(listening),
      limits_(limits),
      handler_(handler) {
  for (size_t i = 0; i < limits.connections; ++i) threads_.emplace_back([this] { Work(); });
}

HttpServer::~HttpServer() {
  const uint64_t one = 1;
  (void)!write(stop_, &one, sizeof(one));
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
  close(stop_);
}

// All threads wait for the listener; those that come too late find nothing, and wait on.
void HttpServer::Work() {
  while (WaitFor(listener_, POLLIN, stop_, absl::InfiniteDuration())) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0) {
      HttpConnection(socket, stop_, limits_).Serve(handler_);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The connection stays where it is, and would be reported again at once.
      WaitFor(/*fd=*/-1, 0, stop_, Clock::System()->Monotonic() + absl::Milliseconds(100));
    }
  }
}

}  // namespace fedcarbon
