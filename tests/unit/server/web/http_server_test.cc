// The site behind the HTTP server: what only a socket shows.
#include "fedcarbon/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/query/footprint_query.h"
#include "server/web/site.h"
#include "tests/unit/http/byte_client.h"
#include "tests/web/made_up_federation.h"

namespace fedcarbon::server {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  void Start() {
    auto server = HttpServer::Start({"127.0.0.1", 0}, limits_, &site_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string Ask(const std::string& request) { return fedcarbon::Ask(server_->listening().port, request); }

  Metrics metrics_;
  MadeUpFederation federation_{1, 1, "a run", "budapest.example"};
  std::unique_ptr<FootprintQuery> query_ =
      *FootprintQuery::Create(federation_.store(), federation_.clock(), "", "");
  Site site_{query_.get(), &metrics_};
  HttpLimits limits_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithEveryHeaderField) {
  Start();
  const std::string answer = Ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nok\n")));
  for (const auto& [name, value] : HeaderFields(Response())) {
    EXPECT_THAT(answer, HasSubstr(absl::StrCat("\r\n", name, ": ", value, "\r\n")));
  }
  EXPECT_THAT(answer, AllOf(HasSubstr("\r\nContent-Length: 3\r\n"), HasSubstr("\r\nConnection: close\r\n")));
}

TEST_F(HttpServerTest, HeadIsGetWithoutBody) {
  Start();
  const std::string get = Ask("GET /api/v1/runs HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = Ask("HEAD /api/v1/runs HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  const auto Sorted = [](std::string text) { return std::sort(text.begin(), text.end()), text; };
  EXPECT_EQ(Sorted(get.substr(0, get.find("\r\n\r\n") + 4)), Sorted(head));
}

TEST_F(HttpServerTest, NotModifiedHasNoBodyAndNoLength) {
  Start();
  const std::string answer = Ask("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 304 "), HasSubstr("ETag: \""), EndsWith("\r\n\r\n"),
                            Not(HasSubstr("Content-Length"))));
}

TEST_F(HttpServerTest, PostWithABodyGetsItsRefusal) {
  Start();
  const std::string answer = Ask(absl::StrCat(
      "POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", std::string(100'000, 'x')));
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD\r\n"),
                            HasSubstr("nosniff"), HasSubstr("\"code\":12")));
}

TEST_F(HttpServerTest, RangesAndCodingsAreIgnored) {
  Start();
  const std::string answer =
      Ask("GET /healthz HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0,0-0\r\nAccept-Encoding: gzip, br\r\n\r\n");
  EXPECT_THAT(answer,
              AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nok\n"), Not(HasSubstr("Accept-Ranges"))));
  EXPECT_THAT(Ask("GET /page.js HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"),
              Not(HasSubstr("Content-Encoding")));
}

TEST_F(HttpServerTest, WhatIsNoHttpIsAnErrorWithEveryHeaderField) {
  Start();
  for (const char* request :
       {"nonsense\r\n\r\n", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/9\r\n\r\n"}) {
    const std::string answer = Ask(request);
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("nosniff"), HasSubstr("\"code\":3")))
        << request;
  }
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
              AllOf(StartsWith("HTTP/1.1 414 "), HasSubstr("8192 bytes"), HasSubstr("nosniff")));
}

TEST_F(HttpServerTest, AnswersManyAtOnce) {
  Start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([this] {
      for (int k = 0; k < 10; ++k) {
        EXPECT_THAT(Ask("GET /chart.js HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(metrics_.http_requests[2], 320u);
}

}  // namespace
}  // namespace fedcarbon::server
