#include <sys/socket.h>

#include <cerrno>

#include "node/proxy/byte_stream.h"

namespace fedcarbon::node {

// A short read has drained the socket, and a later arrival is a new edge; only at an end, and at urgent data,
// it takes one more read to see it.
ByteStream::ReadResult PlainStream::Read(char* buffer, size_t size, bool ending) {
  ReadResult result;
  while (result.bytes < size) {
    const ssize_t count = recv(fd_, buffer + result.bytes, size - result.bytes, 0);
    if (count > 0) {
      result.bytes += static_cast<size_t>(count);
      received_ += Bytes(static_cast<uint64_t>(count));
      if (!ending && result.bytes < size) return result;
    } else if (count == 0) {
      result.after = After::kEnd;
      return result;
    } else if (errno != EINTR) {
      result.after = errno == EAGAIN ? After::kDrained : After::kBroken;
      return result;
    }
  }
  result.after = After::kMore;
  return result;
}

ByteStream::WriteResult PlainStream::Write(std::string_view bytes) {
  WriteResult result;
  while (result.bytes < bytes.size()) {
    const ssize_t count = send(fd_, bytes.data() + result.bytes, bytes.size() - result.bytes, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      result.broken = errno != EAGAIN;
      break;
    }
    result.bytes += static_cast<size_t>(count);
    sent_ += Bytes(static_cast<uint64_t>(count));
    if (result.bytes < bytes.size()) break;  // a short write has filled the socket
  }
  return result;
}

bool PlainStream::FinishWriting(bool) {
  shutdown(fd_, SHUT_WR);
  return true;
}

}  // namespace fedcarbon::node
