#include "fedcarbon/http/http_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "fedcarbon/sync/clock.h"

namespace fedcarbon {
namespace {

constexpr size_t kMaxDiscarded = 1'000'000;
constexpr absl::string_view kHeadEnd = "\r\n\r\n";

absl::Duration Now() { return Clock::System()->Monotonic(); }

bool IsMethod(absl::string_view text) {
  for (const char* method :
       {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
    if (text == method) return true;
  }
  return false;
}

// 200, or the status to refuse it with. Of the header fields, only the one that is wanted is looked at.
int ParseHead(absl::string_view head, HttpRequest* request) {
  if (!absl::EndsWith(head, kHeadEnd)) return 400;
  const size_t line_end = head.find("\r\n");
  if (line_end + 2 > kMaxRequestLineBytes) return 414;
  const std::vector<absl::string_view> line = absl::StrSplit(head.substr(0, line_end), ' ');
  if (line.size() != 3 || !IsMethod(line[0]) || line[1].empty() ||
      (line[2] != "HTTP/1.1" && line[2] != "HTTP/1.0")) {
    return 400;
  }
  request->method = std::string(line[0]);
  request->target = std::string(line[1]);
  for (const absl::string_view field : absl::StrSplit(head.substr(line_end + 2), "\r\n")) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(field, absl::MaxSplits(':', 1));
    if (!absl::EqualsIgnoreCase(parts.first, "If-None-Match")) continue;
    request->if_none_match = std::string(absl::StripAsciiWhitespace(parts.second));
    break;
  }
  return 200;
}

const char* ReasonPhrase(int status) {
  static constexpr std::pair<int, const char*> kReasons[] = {
      {200, "OK"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {409, "Conflict"},
      {414, "URI Too Long"},
      {429, "Too Many Requests"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  for (const auto& [known, reason] : kReasons) {
    if (status == known) return reason;
  }
  return "";
}

std::string Serialize(const HttpResponse& response, bool with_body) {
  std::string text = absl::StrCat("HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status),
                                  "\r\nConnection: close\r\n");
  for (const auto& [name, value] : response.fields) absl::StrAppend(&text, name, ": ", value, "\r\n");
  if (!response.content_type.empty()) {
    absl::StrAppend(&text, "Content-Type: ", response.content_type, "\r\n");
  }
  if (response.status != 304) absl::StrAppend(&text, "Content-Length: ", response.body.size(), "\r\n");
  return absl::StrCat(text, "\r\n", with_body ? response.body : "");
}

}  // namespace

bool WaitFor(int fd, short events, int stop, absl::Duration deadline) {
  for (;;) {
    const absl::Duration left = std::min(deadline - Now(), absl::Hours(1));
    if (left <= absl::ZeroDuration()) return false;
    pollfd fds[] = {{fd, events, 0}, {stop, POLLIN, 0}};
    const int ready = poll(fds, 2, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0) return fds[1].revents == 0;
  }
}

HttpConnection::HttpConnection(int socket, int stop, const HttpLimits& limits)
    : socket_(socket),
      stop_(stop),
      request_bytes_(limits.request_bytes),
      read_deadline_(Now() + std::min(limits.read, limits.total)),
      deadline_(read_deadline_ + (limits.total - std::min(limits.read, limits.total))) {}

HttpConnection::~HttpConnection() {
  shutdown(socket_, SHUT_WR);
  DiscardRest();
  close(socket_);
}

void HttpConnection::Serve(HttpHandler* handler) {
  const std::string head = ReadHead();
  if (head.empty()) return;
  HttpRequest request;
  const int status = ParseHead(head, &request);
  if (status == 200) return Write(Serialize(handler->Handle(request), request.method != "HEAD"));
  const std::string why = absl::StrCat("the request is not HTTP/1.1, or is larger than ", request_bytes_,
                                       " bytes, or its first line than ", kMaxRequestLineBytes, " bytes");
  Write(Serialize(handler->Refuse(status, why), /*with_body=*/true));
}

// As far as the limit and the other side let it: a whole one ends with an empty line. Empty: too slow, reset,
// or the server stops.
std::string HttpConnection::ReadHead() const {
  std::string head;
  char buffer[4096];
  while (head.size() < request_bytes_) {
    if (!WaitFor(socket_, POLLIN, stop_, read_deadline_)) return "";
    const ssize_t received = recv(socket_, buffer, std::min(sizeof(buffer), request_bytes_ - head.size()), 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (received < 0) return "";
    if (received == 0) return head;
    const size_t searched = head.size() - std::min(head.size(), kHeadEnd.size() - 1);
    head.append(buffer, static_cast<size_t>(received));
    const size_t end = head.find(kHeadEnd.data(), searched, kHeadEnd.size());
    if (end != head.npos) return head.substr(0, end + kHeadEnd.size());
  }
  return head;
}

void HttpConnection::Write(const std::string& bytes) const {
  for (size_t written = 0; written < bytes.size() && WaitFor(socket_, POLLOUT, stop_, deadline_);) {
    const ssize_t sent = send(socket_, bytes.data() + written, bytes.size() - written, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return;
    if (sent > 0) written += static_cast<size_t>(sent);
  }
}

// What is unread when a socket closes makes the kernel reset the connection, and the answer may be lost with
// it: so read the rest of what the other side sent, within reason.
void HttpConnection::DiscardRest() const {
  const absl::Duration deadline = std::min(read_deadline_, Now() + absl::Seconds(1));
  char buffer[4096];
  for (size_t discarded = 0; discarded < kMaxDiscarded && WaitFor(socket_, POLLIN, stop_, deadline);) {
    const ssize_t received = recv(socket_, buffer, sizeof(buffer), 0);
    if (received <= 0) return;
    discarded += static_cast<size_t>(received);
  }
}

}  // namespace fedcarbon
