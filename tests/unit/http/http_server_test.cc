#include "fedcarbon/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/http/byte_client.h"

namespace fedcarbon {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Answers with what it was asked.
class Echo : public HttpHandler {
 public:
  HttpResponse Handle(const HttpRequest& request) override {
    ++handled;
    if (request.if_none_match == "*") return {304, "", "", {{"ETag", "\"e\""}}};
    if (request.method == "POST") return {405, "text/plain", "only GET\n", {{"Allow", "GET, HEAD"}}};
    if (request.target == "/big") return {200, "text/plain", std::string(1'000'000, 'b'), {}};
    return {200, "text/plain", "ok\n", {{"X-If-None-Match", request.if_none_match}}};
  }

  HttpResponse Refuse(int status, const std::string& why) override {
    return {status, "text/plain", why, {{"X-Refused", "yes"}}};
  }

  std::atomic<int> handled{0};
};

class HttpServerTest : public testing::Test {
 protected:
  void Start() {
    auto server = HttpServer::Start({"127.0.0.1", 0}, limits_, &echo_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  int port() const { return server_->listening().port; }
  std::string Ask(const std::string& request) { return fedcarbon::Ask(port(), request); }

  Echo echo_;
  HttpLimits limits_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithTheHandlersFields) {
  Start();
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: x\r\nif-none-match:  \"a\", \"b\" \r\n\r\n"),
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n"
            "X-If-None-Match: \"a\", \"b\"\r\n\r\nok\n");
}

TEST_F(HttpServerTest, SendsLargeAnswersWhole) {
  Start();
  EXPECT_THAT(Ask("GET /big HTTP/1.0\r\n\r\n"), AllOf(HasSubstr("\r\nContent-Length: 1000000\r\n"),
                                                      EndsWith("\r\n\r\n" + std::string(1'000'000, 'b'))));
}

TEST_F(HttpServerTest, HeadIsGetWithoutBody) {
  Start();
  const std::string get = Ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(Ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), get.substr(0, get.find("\r\n\r\n") + 4));
}

TEST_F(HttpServerTest, NotModifiedHasNoBodyAndNoLength) {
  Start();
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n"),
            "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nETag: \"e\"\r\n\r\n");
}

TEST_F(HttpServerTest, RangesAndCodingsAreIgnored) {
  Start();
  const std::string whole = Ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const char* field : {"Range: bytes=0-0,0-0\r\nAccept-Encoding: gzip, br", "Accept-Encoding: gzip"}) {
    EXPECT_EQ(Ask(absl::StrCat("GET / HTTP/1.1\r\nHost: x\r\n", field, "\r\n\r\n")), whole) << field;
  }
}

TEST_F(HttpServerTest, ABodyIsNotReadAndItsSenderGetsTheAnswer) {
  Start();
  ByteClient client(port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n");
  client.Send(std::string(900'000, 'x'));
  bool reset = true;
  EXPECT_THAT(client.Receive(&reset), AllOf(StartsWith("HTTP/1.1 405 "), EndsWith("only GET\n")));
  EXPECT_FALSE(reset);
}

TEST_F(HttpServerTest, AHeadMayComeByteByByte) {
  Start();
  ByteClient client(port());
  for (const char byte : std::string("GET / HTTP/1.1\r\nIf-None-Match: a\r\n\r\n")) {
    client.Send(std::string(1, byte));
  }
  EXPECT_THAT(client.Receive(), HasSubstr("\r\nX-If-None-Match: a\r\n"));
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefused) {
  Start();
  for (const char* request :
       {"nonsense\r\n\r\n", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/9\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n", "GET / HTTP/1.1 x\r\n\r\n", "get / HTTP/1.1\r\n\r\n", "\r\n\r\n"}) {
    EXPECT_THAT(Ask(request), AllOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"), HasSubstr("X-Refused")))
        << request;
  }
  EXPECT_EQ(echo_.handled, 0);
}

std::string RequestOf(size_t bytes) {
  const std::string begin = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
  std::string request = begin;
  while (request.size() + 2 < bytes) {
    const size_t left = bytes - request.size() - 2;
    const size_t line = left > 1200 ? 1000 : left;
    absl::StrAppend(&request, "X: ", std::string(line - 5, 'x'), "\r\n");
  }
  return request + "\r\n";
}

TEST_F(HttpServerTest, TakesARequestOfTheLimitAndNoByteMore) {
  Start();
  const std::string most = RequestOf(limits_.request_bytes);
  ASSERT_EQ(most.size(), limits_.request_bytes);
  EXPECT_THAT(Ask(most), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask(RequestOf(limits_.request_bytes + 1)),
              AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("16384 bytes")));
}

TEST_F(HttpServerTest, RequestLineHasItsLimit) {
  Start();
  const auto Line = [](size_t bytes) {
    return absl::StrCat("GET /?", std::string(bytes - 17, 'x'), " HTTP/1.1\r\n");
  };
  ASSERT_EQ(Line(kMaxRequestLineBytes).size(), kMaxRequestLineBytes);
  EXPECT_THAT(Ask(Line(kMaxRequestLineBytes) + "Host: x\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask(Line(kMaxRequestLineBytes + 1) + "Host: x\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 414 "), HasSubstr("8192 bytes"), HasSubstr("X-Refused")));
  EXPECT_THAT(Ask(std::string(limits_.request_bytes + 1, 'x')), StartsWith("HTTP/1.1 414 "));
}

TEST_F(HttpServerTest, ASlowRequestIsCutOffAndOthersAreServed) {
  limits_.read = absl::Milliseconds(200);
  Start();
  std::vector<std::unique_ptr<ByteClient>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<ByteClient>(port()));
    slow.back()->Send("GET / HTTP/1.1\r\nHo");
  }
  EXPECT_THAT(Ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  for (auto& client : slow) EXPECT_THAT(client->Receive(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, EndsThoughAClientHangs) {
  Start();
  ByteClient idle(port());
  ByteClient half(port());
  half.Send("GET / HTTP/1.1\r\n");
  server_.reset();
  EXPECT_THAT(half.Receive(), Not(HasSubstr("200 OK")));
}

TEST_F(HttpServerTest, AnswersManyAtOnce) {
  Start();
  TenTimesOn32Threads([this] { EXPECT_THAT(Ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 ")); });
  EXPECT_EQ(echo_.handled, 320);
}

TEST_F(HttpServerTest, APortInUseIsAnErrorWithTheAddress) {
  Start();
  const auto second = HttpServer::Start({"127.0.0.1", port()}, limits_, &echo_);
  ASSERT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr(absl::StrCat("127.0.0.1:", port())), HasSubstr("in use"), HasSubstr("--http")));
}

TEST_F(HttpServerTest, AHostThatIsNotOursIsAnError) {
  for (const char* host : {"192.0.2.1", "no-such-host.invalid"}) {
    EXPECT_EQ(HttpServer::Start({host, 0}, limits_, &echo_).status().code(), absl::StatusCode::kUnavailable)
        << host;
  }
}

}  // namespace
}  // namespace fedcarbon
