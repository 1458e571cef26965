#include "node/status/status_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/http/byte_client.h"

namespace fedcarbon::node {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class StatusServerTest : public testing::Test {
 protected:
  void Start() {
    auto server = StatusServer::Start({"127.0.0.1", 0}, &metrics_, limits_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    server_->set_serving(true);
  }

  int port() const { return server_->listening().port; }

  std::string Ask(const std::string& request) { return fedcarbon::Ask(port(), request); }

  std::string Get(const std::string& target) { return Ask("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"); }

  ProxyMetrics metrics_;
  StatusLimits limits_;
  std::unique_ptr<StatusServer> server_;
};

TEST_F(StatusServerTest, HealthIsWhetherItServes) {
  Start();
  EXPECT_THAT(Get("/healthz"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nok\n"),
                    HasSubstr("\r\nContent-Length: 3\r\n"), HasSubstr("\r\nConnection: close\r\n"),
                    HasSubstr("\r\nCache-Control: no-store\r\n")));
  server_->set_serving(false);
  EXPECT_THAT(Get("/healthz"),
              AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"), EndsWith("not serving\n")));
}

TEST_F(StatusServerTest, DoesNotServeAtFirst) {
  auto server = StatusServer::Start({"127.0.0.1", 0}, &metrics_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 503 "));
}

TEST_F(StatusServerTest, MetricsAreThoseOfNow) {
  Start();
  EXPECT_THAT(Get("/metrics"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                    HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                    HasSubstr("\nfedcarbon_node_connections_accepted_total 0\n")));
  Count(&metrics_.connections_accepted, 3);
  EXPECT_THAT(Get("/metrics?name=x"), HasSubstr("\nfedcarbon_node_connections_accepted_total 3\n"));
}

TEST_F(StatusServerTest, EverythingElseIsNotFound) {
  Start();
  for (const char* target : {"/", "/health", "/metrics/", "/../metrics", "/healthz%00", "//metrics"}) {
    EXPECT_THAT(Get(target),
                AllOf(StartsWith("HTTP/1.1 404 Not Found\r\n"), Not(HasSubstr("fedcarbon_node"))))
        << target;
  }
}

TEST_F(StatusServerTest, HeadIsGetWithoutBody) {
  Start();
  EXPECT_THAT(
      Ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\nContent-Length: 3\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(StatusServerTest, ARefusalReachesWhoeverSendsABody) {
  Start();
  ByteClient client(port());
  client.Send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  client.Send(std::string(1'000'000, 'x'));
  bool reset = true;
  EXPECT_THAT(client.Receive(&reset), AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                                            HasSubstr("\r\nAllow: GET, HEAD\r\n")));
  EXPECT_FALSE(reset);
}

TEST_F(StatusServerTest, WhatIsNoHttpIsRefused) {
  Start();
  for (const char* request :
       {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    EXPECT_THAT(Ask(request), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << request;
  }
}

TEST_F(StatusServerTest, TakesARequestOfTheLimitAndNoByteMore) {
  Start();
  const auto request = [](size_t bytes) {
    const std::string begin = "GET /healthz HTTP/1.1\r\nX: ";
    return absl::StrCat(begin, std::string(bytes - begin.size() - 4, 'x'), "\r\n\r\n");
  };
  ASSERT_EQ(request(limits_.request_bytes).size(), limits_.request_bytes);
  EXPECT_THAT(Ask(request(limits_.request_bytes)), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask(request(limits_.request_bytes + 1)),
              AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("larger than 8192 bytes")));
}

TEST_F(StatusServerTest, AnEndlessHeadIsRefused) {
  Start();
  ByteClient client(port());
  client.Send("GET / HTTP/1.1\r\n" + std::string(1'000'000, 'x'));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET /" + std::string(100'000, 'x')), StartsWith("HTTP/1.1 400 "));
}

TEST_F(StatusServerTest, WhoSaysNothingInTimeIsCutAndOthersAreServed) {
  limits_.total = absl::Milliseconds(200);
  Start();
  std::vector<std::unique_ptr<ByteClient>> slow;
  for (size_t i = 0; i < 3 * limits_.connections; ++i) {
    slow.push_back(std::make_unique<ByteClient>(port()));
    slow.back()->Send("GET /healthz HTTP/1.1\r\nHo");
  }
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200 "));
  for (auto& client : slow) EXPECT_THAT(client->Receive(), IsEmpty());
}

// One more than may be open at once waits, until one of them ends.
TEST_F(StatusServerTest, ServesAsManyAtOnceAsTheLimit) {
  limits_.total = absl::InfiniteDuration();
  limits_.connections = 2;
  Start();
  auto first = std::make_unique<ByteClient>(port());
  {
    ByteClient second(port());
    EXPECT_TRUE(first->Send("GET /he"));
    second.Send("GET /healthz HTTP/1.1\r\n\r\n");
    EXPECT_THAT(second.Receive(), StartsWith("HTTP/1.1 200 "));  // the limit itself
    auto blocking = std::make_unique<ByteClient>(port());        // waits: `second` is still open
    blocking->Send("GET /healthz HTTP/1.1\r\n\r\n");
    first.reset();
    EXPECT_THAT(blocking->Receive(), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(StatusServerTest, EndsThoughClientsHang) {
  Start();
  std::vector<std::unique_ptr<ByteClient>> hanging;
  for (size_t i = 0; i < limits_.connections + 1; ++i) {
    hanging.push_back(std::make_unique<ByteClient>(port()));
    hanging.back()->Send("GET / HTTP/1.1\r\n");
  }
  server_.reset();
  for (auto& client : hanging) EXPECT_THAT(client->Receive(), IsEmpty());
}

TEST_F(StatusServerTest, AnswersManyAtOnce) {
  Start();
  TenTimesOn32Threads([this] { EXPECT_THAT(Get("/metrics"), StartsWith("HTTP/1.1 200 ")); });
}

TEST_F(StatusServerTest, APortInUseIsAnErrorWithTheAddress) {
  Start();
  const auto second = StatusServer::Start({"127.0.0.1", port()}, &metrics_);
  ASSERT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr(absl::StrCat("127.0.0.1:", port())), HasSubstr("in use"), HasSubstr("--http")));
}

TEST_F(StatusServerTest, AHostThatIsNotOursIsAnError) {
  for (const char* host : {"192.0.2.1", "no-such-host.invalid"}) {
    EXPECT_EQ(StatusServer::Start({host, 0}, &metrics_).status().code(), absl::StatusCode::kUnavailable)
        << host;
  }
}

}  // namespace
}  // namespace fedcarbon::node
