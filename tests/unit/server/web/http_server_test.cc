// The site behind the HTTP server: what only a socket shows.
#include "fedcarbon/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
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

TEST_F(HttpServerTest, ItsETagMakesAnAnswerNotModified) {
  Start();
  const std::string first = Ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const size_t begin = first.find("\r\nETag: ");
  ASSERT_NE(begin, first.npos) << first;
  const std::string etag = first.substr(begin + 8, first.find("\r\n", begin + 8) - begin - 8);
  for (const std::string& named : {etag, std::string("*")}) {
    const std::string answer =
        Ask(absl::StrCat("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: ", named, "\r\n\r\n"));
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 304 "), HasSubstr("\r\nETag: " + etag + "\r\n"),
                              EndsWith("\r\n\r\n"), Not(HasSubstr("Content-Length"))));
  }
}

TEST_F(HttpServerTest, ARefusalIsAnErrorWithEveryHeaderField) {
  Start();
  const struct {
    std::string request;
    int status;
    int code;
  } kRefused[] = {
      {"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405, 12},
      {"nonsense\r\n\r\n", 400, 3},
      {"GET /?" + std::string(kMaxRequestLineBytes, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, 3}};
  for (const auto& [request, status, code] : kRefused) {
    const std::string answer = Ask(request);
    EXPECT_THAT(answer, AllOf(StartsWith(absl::StrCat("HTTP/1.1 ", status, " ")),
                              HasSubstr(absl::StrCat("{\"code\":", code, ","))));
    for (const auto& [name, value] : HeaderFields(Response())) {
      EXPECT_THAT(answer, HasSubstr(absl::StrCat("\r\n", name, ": ", value, "\r\n")));
    }
    EXPECT_EQ(absl::StrContains(answer, "\r\nAllow: GET, HEAD\r\n"), status == 405) << answer;
  }
}

TEST_F(HttpServerTest, CountsTheRequestsOfManyAtOnce) {
  Start();
  TenTimesOn32Threads(
      [this] { EXPECT_THAT(Ask("GET /chart.js HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200 ")); });
  EXPECT_EQ(metrics_.http_requests[2], 320u);
}

}  // namespace
}  // namespace fedcarbon::server
