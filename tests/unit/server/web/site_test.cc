// Every path, parameter, limit and error of the site, without a socket.
#include "server/web/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "google/protobuf/util/json_util.h"
#include "tests/unit/server/web/fake_query.h"

namespace fedcarbon::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SiteTest : public testing::Test {
 protected:
  SiteTest() { TheFakeQuery() = {}; }

  Response Get(const std::string& target) { return site_.Answer({"GET", target, ""}); }

  // The message of an error, after checks of its form.
  std::string ErrorOf(const std::string& target, int status, int code) {
    const Response response = Get(target);
    EXPECT_EQ(response.status, status) << target << " " << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_THAT(response.etag, IsEmpty());
    const auto json = nlohmann::json::parse(response.body);
    EXPECT_EQ(json.size(), 3u);
    EXPECT_EQ(json["code"], code) << response.body;
    EXPECT_TRUE(json["details"].is_array());
    return json["message"];
  }

  Metrics metrics_;
  std::unique_ptr<FootprintQuery> query_ = *FootprintQuery::Create(nullptr, nullptr, "", "");
  Site site_{query_.get(), &metrics_};
};

TEST_F(SiteTest, ListsRuns) {
  TheFakeQuery().runs.add_runs()->set_id("run-1");
  const Response response = Get("/api/v1/runs?page_size=7&page_token=abc");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(TheFakeQuery().runs_asked.page_size(), 7u);
  EXPECT_EQ(TheFakeQuery().runs_asked.page_token(), "abc");
  v1::ListRunsResponse read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(response.body, &read).ok());
  EXPECT_EQ(read.runs(0).id(), "run-1");
}

TEST_F(SiteTest, GetsARunUnderTheAskedModels) {
  TheFakeQuery().run.mutable_run()->set_id("r");
  const Response response = Get("/api/v1/runs/flower:12?model=fl.round/1&network_model=b&network_model=a");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(TheFakeQuery().run_asked.run(), "flower:12");
  EXPECT_EQ(TheFakeQuery().run_asked.method().model(), "fl.round/1");
  EXPECT_THAT(TheFakeQuery().run_asked.method().network_models(), ElementsAre("b", "a"));
  EXPECT_EQ(nlohmann::json::parse(response.body)["run"]["id"], "r");
}

TEST_F(SiteTest, ARunMayBeNamedWithSlashAndSpace) {
  EXPECT_EQ(Get("/api/v1/runs/heart%2Fdisease%20%3Cb%3E").status, 200);
  EXPECT_EQ(TheFakeQuery().run_asked.run(), "heart/disease <b>");
}

TEST_F(SiteTest, ListsRounds) {
  const Response response =
      Get("/api/v1/runs/r/rounds?from=0&to=18446744073709551615&page_size=1000&page_token=t&network_model=m");
  EXPECT_EQ(response.status, 200);
  const v1::ListRoundsRequest& asked = TheFakeQuery().rounds_asked;
  EXPECT_EQ(asked.run(), "r");
  EXPECT_TRUE(asked.has_from());
  EXPECT_EQ(asked.from(), 0u);
  EXPECT_EQ(asked.to(), UINT64_MAX);
  EXPECT_EQ(asked.page_size(), 1000u);
  EXPECT_EQ(asked.page_token(), "t");
  EXPECT_THAT(asked.method().network_models(), ElementsAre("m"));
}

TEST_F(SiteTest, RoundsWithoutBoundsAskForAll) {
  Get("/api/v1/runs/r/rounds");
  EXPECT_FALSE(TheFakeQuery().rounds_asked.has_from());
  EXPECT_FALSE(TheFakeQuery().rounds_asked.has_to());
  EXPECT_EQ(TheFakeQuery().rounds_asked.page_size(), 0u);
}

TEST_F(SiteTest, GetsRoundZero) {
  TheFakeQuery().round.mutable_summary();
  const Response response = Get("/api/v1/runs/r/rounds/0?model=m");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(TheFakeQuery().round_asked.run(), "r");
  EXPECT_EQ(TheFakeQuery().round_asked.round(), 0u);
  EXPECT_EQ(TheFakeQuery().round_asked.method().model(), "m");
  EXPECT_EQ(nlohmann::json::parse(response.body)["summary"]["round"], "0");
}

TEST_F(SiteTest, GetsANode) {
  EXPECT_EQ(Get("/api/v1/runs/r/nodes/budapest.example?network_model=m").status, 200);
  EXPECT_EQ(TheFakeQuery().node_asked.run(), "r");
  EXPECT_EQ(TheFakeQuery().node_asked.node(), "budapest.example");
  EXPECT_THAT(TheFakeQuery().node_asked.method().network_models(), ElementsAre("m"));
}

TEST_F(SiteTest, ListsFactors) {
  EXPECT_EQ(Get("/api/v1/factors?model=m").status, 200);
  EXPECT_EQ(TheFakeQuery().factors_asked.method().model(), "m");
}

TEST_F(SiteTest, PageSizeHasItsLimits) {
  for (const char* path : {"/api/v1/runs", "/api/v1/runs/r/rounds"}) {
    EXPECT_EQ(Get(std::string(path) + "?page_size=1").status, 200);
    EXPECT_EQ(Get(std::string(path) + "?page_size=1000").status, 200);
    EXPECT_THAT(ErrorOf(std::string(path) + "?page_size=1001", 400, 3), HasSubstr("page_size"));
    EXPECT_THAT(ErrorOf(std::string(path) + "?page_size=0", 400, 3), HasSubstr("page_size"));
  }
}

TEST_F(SiteTest, BadParametersAreNamed) {
  EXPECT_THAT(ErrorOf("/api/v1/runs/r/rounds?from=-1", 400, 3), HasSubstr("from"));
  EXPECT_THAT(ErrorOf("/api/v1/runs/r/rounds?to=18446744073709551616", 400, 3), HasSubstr("to"));
  EXPECT_THAT(ErrorOf("/api/v1/runs/r/rounds?from=3&to=2", 400, 3), HasSubstr("from: 3 is after to: 2"));
  EXPECT_THAT(ErrorOf("/api/v1/runs/r/rounds/one", 400, 3), HasSubstr("\"one\""));
  EXPECT_THAT(ErrorOf("/api/v1/runs/r/rounds/", 400, 3), HasSubstr("round"));
  for (const char* path : {"/api/v1/runs", "/api/v1/runs/r", "/api/v1/runs/r/rounds",
                           "/api/v1/runs/r/rounds/1", "/api/v1/runs/r/nodes/n", "/api/v1/factors"}) {
    EXPECT_THAT(ErrorOf(std::string(path) + "?colour=red", 400, 3), HasSubstr("colour"));
  }
  EXPECT_EQ(Get("/api/v1/runs/r/rounds?from=2&to=2").status, 200);
}

TEST_F(SiteTest, UnknownPathsAreNotFound) {
  for (const char* path :
       {"/nothing", "/api", "/api/v1", "/api/v1/", "/api/v1/runs/", "/api/v1/runs//rounds",
        "/api/v1/runs/r/x", "/api/v1/runs/r/nodes", "/api/v1/runs/r/rounds/1/x", "/api/v2/runs",
        "/index.html/", "/page/page.js", "/../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/healthz/", "//"}) {
    EXPECT_THAT(ErrorOf(path, 404, 5), HasSubstr("no such path")) << path;
  }
}

TEST_F(SiteTest, MalformedTargetIsAnError) {
  EXPECT_THAT(ErrorOf("/api/v1/runs/%zz", 400, 3), HasSubstr("percent-encoding"));
}

TEST_F(SiteTest, EveryStatusHasItsHttpStatus) {
  using absl::StatusCode;
  const std::map<StatusCode, int> expected = {
      {StatusCode::kCancelled, 499},          {StatusCode::kUnknown, 500},
      {StatusCode::kInvalidArgument, 400},    {StatusCode::kDeadlineExceeded, 504},
      {StatusCode::kNotFound, 404},           {StatusCode::kAlreadyExists, 409},
      {StatusCode::kPermissionDenied, 403},   {StatusCode::kResourceExhausted, 429},
      {StatusCode::kFailedPrecondition, 400}, {StatusCode::kAborted, 409},
      {StatusCode::kOutOfRange, 400},         {StatusCode::kUnimplemented, 501},
      {StatusCode::kInternal, 500},           {StatusCode::kUnavailable, 503},
      {StatusCode::kDataLoss, 500},           {StatusCode::kUnauthenticated, 401}};
  for (const auto& [code, http] : expected) {
    TheFakeQuery().error = absl::Status(code, "why <b> \xff");
    const std::string message = ErrorOf("/api/v1/runs", http, static_cast<int>(code));
    EXPECT_THAT(message, HasSubstr("why <b>"));
  }
}

TEST_F(SiteTest, MarkupInNamesStaysText) {
  TheFakeQuery().run.mutable_run()->set_name("</script><img src=x onerror=alert(1)>");
  const Response response = Get("/api/v1/runs/r");
  EXPECT_THAT(response.body, Not(HasSubstr("<")));
  EXPECT_EQ(nlohmann::json::parse(response.body)["run"]["name"], "</script><img src=x onerror=alert(1)>");
}

TEST_F(SiteTest, ETagNamesTheContent) {
  TheFakeQuery().run.mutable_run()->set_version(1);
  const Response first = Get("/api/v1/runs/r");
  ASSERT_THAT(first.etag, testing::MatchesRegex("\"[0-9a-f]+\""));
  EXPECT_EQ(Get("/api/v1/runs/r").etag, first.etag);
  for (const std::string& field : {first.etag, "\"x\", " + first.etag, "W/" + first.etag, std::string("*")}) {
    const Response same = site_.Answer({"GET", "/api/v1/runs/r", field});
    EXPECT_EQ(same.status, 304) << field;
    EXPECT_EQ(same.etag, first.etag);
    EXPECT_THAT(same.body, IsEmpty());
  }
  EXPECT_EQ(site_.Answer({"GET", "/api/v1/runs/r", "\"x\""}).status, 200);
  TheFakeQuery().run.mutable_run()->set_version(2);
  const Response changed = site_.Answer({"GET", "/api/v1/runs/r", first.etag});
  EXPECT_EQ(changed.status, 200);
  EXPECT_NE(changed.etag, first.etag);
}

TEST_F(SiteTest, AnErrorIsNeverNotModified) {
  EXPECT_EQ(site_.Answer({"GET", "/nothing", "*"}).status, 404);
  TheFakeQuery().error = absl::UnavailableError("busy");
  EXPECT_EQ(site_.Answer({"GET", "/api/v1/runs", "*"}).status, 503);
}

TEST_F(SiteTest, OnlyReadingIsAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", ""}) {
    const Response response = site_.Answer({method, "/api/v1/runs", ""});
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.allow, "GET, HEAD");
    EXPECT_EQ(nlohmann::json::parse(response.body)["code"], 12);
  }
  EXPECT_EQ(site_.Answer({"HEAD", "/api/v1/runs", ""}).status, 200);
}

TEST_F(SiteTest, ServesThePage) {
  for (const auto& [path, type] :
       std::map<std::string, std::string>{{"/", "text/html; charset=utf-8"},
                                          {"/page.js", "text/javascript; charset=utf-8"},
                                          {"/chart.js", "text/javascript; charset=utf-8"},
                                          {"/style.css", "text/css; charset=utf-8"},
                                          {"/favicon.svg", "image/svg+xml"}}) {
    const Response response = Get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.content_type, type);
    EXPECT_THAT(response.body, Not(IsEmpty()));
    EXPECT_EQ(site_.Answer({"GET", path, response.etag}).status, 304);
  }
  EXPECT_THAT(Get("/chart.js").body, HasSubstr("Chart.js v3"));
}

TEST_F(SiteTest, ThePageHasNothingThatItsPolicyForbids) {
  const std::string page = Get("/").body;
  for (const char* inline_code : {"<style", "style=", "onclick=", "onload=", "javascript:", "<script>",
                                  "http://", "https://", "//cdn"}) {
    EXPECT_THAT(page, Not(HasSubstr(inline_code)));
  }
  for (const char* way_to_markup :
       {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("}) {
    for (const char* script :
         {"/api.js", "/dom.js", "/format.js", "/page.js", "/rounds_chart.js", "/run_tables.js"}) {
      ASSERT_EQ(Get(script).status, 200) << script;
      EXPECT_THAT(Get(script).body, Not(HasSubstr(way_to_markup))) << script;
    }
  }
}

TEST_F(SiteTest, HealthIsThatOfTheStore) {
  EXPECT_EQ(Get("/healthz").body, "ok\n");
  EXPECT_EQ(TheFakeQuery().runs_asked.page_size(), 1u);
  TheFakeQuery().error = absl::DataLossError("damaged page 7");
  EXPECT_THAT(ErrorOf("/healthz", 503, 14), HasSubstr("damaged page 7"));
}

TEST_F(SiteTest, MetricsCountRequestsAndNameNoRunOrRound) {
  TheFakeQuery().run.mutable_run()->set_id("canary-run");
  Get("/api/v1/runs/canary-run?network_model=canary-model");
  Get("/api/v1/runs/canary-run/rounds/4711");
  Get("/canary-path");
  const Response response = Get("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.etag, IsEmpty());
  EXPECT_THAT(response.body, HasSubstr("fedcarbon_server_http_requests_total{code=\"2xx\"} 2"));
  EXPECT_THAT(response.body, HasSubstr("fedcarbon_server_http_requests_total{code=\"4xx\"} 1"));
  for (const char* forbidden : {"canary", "4711", "run", "round=", "node="}) {
    EXPECT_THAT(response.body, Not(HasSubstr(forbidden)));
  }
}

TEST(HeaderFields, SecureEveryAnswer) {
  Response page;
  page.etag = "\"e\"";
  for (const Response& response : {page, ErrorResponse(absl::NotFoundError("")), Response()}) {
    std::map<std::string, std::string> fields;
    for (const auto& [name, value] : HeaderFields(response)) fields[name] = value;
    EXPECT_THAT(fields["Content-Security-Policy"], testing::StartsWith("default-src 'none'; "));
    EXPECT_THAT(fields["Content-Security-Policy"], HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(fields["Content-Security-Policy"], Not(HasSubstr("unsafe")));
    EXPECT_EQ(fields["X-Content-Type-Options"], "nosniff");
    EXPECT_EQ(fields["Referrer-Policy"], "no-referrer");
    EXPECT_EQ(fields["Cross-Origin-Resource-Policy"], "same-origin");
    EXPECT_EQ(fields["Cache-Control"], response.etag.empty() ? "no-store" : "private, no-cache");
    EXPECT_EQ(fields.count("ETag"), response.etag.empty() ? 0u : 1u);
  }
}

}  // namespace
}  // namespace fedcarbon::server
