// A client that sends and receives bytes as they are.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace fedcarbon {

/// Connects to a port of this machine.
class ByteClient {
 public:
  explicit ByteClient(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval patience{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  ~ByteClient() { close(socket_); }
  ByteClient(const ByteClient&) = delete;
  ByteClient& operator=(const ByteClient&) = delete;

  // False once the server no longer takes it.
  bool Send(const std::string& bytes) {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }

  // All until the server closes. `reset` becomes whether it did so the hard way.
  std::string Receive(bool* reset = nullptr) {
    std::string all;
    char buffer[65536];
    ssize_t n = 0;
    while ((n = recv(socket_, buffer, sizeof(buffer), 0)) > 0) all.append(buffer, n);
    if (reset != nullptr) *reset = n < 0;
    return all;
  }

 private:
  const int socket_;
};

/// All that comes back for these bytes.
inline std::string Ask(int port, const std::string& bytes) {
  ByteClient client(port);
  client.Send(bytes);
  return client.Receive();
}

/// For a server that many ask at once.
inline void TenTimesOn32Threads(const std::function<void()>& ask) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([&ask] {
      for (int k = 0; k < 10; ++k) ask();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace fedcarbon
