// Every path, parameter, limit and error of the site, without a socket.
#include "server/web/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "google/protobuf/util/json_util.h"
#include "server/query/footprint_query.h"
#include "tests/web/made_up_federation.h"

namespace fedcarbon::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Json = nlohmann::json;

// Fails on demand, as a database can.
class FailingStore : public MemoryStore {
 public:
  absl::StatusOr<std::vector<RunRecord>> ListRuns(size_t limit, const std::string& after_id) override {
    if (!error.ok()) return error;
    return MemoryStore::ListRuns(limit, after_id);
  }
  absl::Status error;
};

class SiteTest : public testing::Test {
 protected:
  Response Get(const std::string& target) { return site_.Answer({"GET", target, ""}); }

  Json GetJson(const std::string& target) {
    const Response response = Get(target);
    EXPECT_EQ(response.status, 200) << target << " " << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    return Json::parse(response.body);
  }

  // The message of an error, after checks of its form.
  std::string ErrorOf(const std::string& target, int status, int code) {
    return MessageOf(Get(target), status, code);
  }

  static std::string MessageOf(const Response& response, int status, int code) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_THAT(response.etag, IsEmpty());
    const Json json = Json::parse(response.body);
    EXPECT_EQ(json.size(), 3u);
    EXPECT_EQ(json["code"], code) << response.body;
    EXPECT_TRUE(json["details"].is_array());
    return json["message"];
  }

  static std::vector<std::string> RoundsOf(const Json& json) {
    std::vector<std::string> rounds;
    for (const Json& round : json["rounds"]) rounds.push_back(round["round"]);
    return rounds;
  }

  Metrics metrics_;
  const std::string run_ = std::string("/api/v1/runs/") + MadeUpFederation::kRun;
  MadeUpFederation federation_{4, 2, "heart/disease </script><b>", "budapest.example"};
  std::unique_ptr<FootprintQuery> query_ =
      *FootprintQuery::Create(federation_.store(), federation_.clock(), "", "");
  Site site_{query_.get(), &metrics_};
};

TEST_F(SiteTest, ListsRuns) {
  const Json json = GetJson("/api/v1/runs");
  ASSERT_EQ(json["runs"].size(), 1u);
  EXPECT_EQ(json["runs"][0]["id"], MadeUpFederation::kRun);
  EXPECT_EQ(json["runs"][0]["plannedRounds"], "50");
  EXPECT_EQ(json["nextPageToken"], "");
  v1::ListRunsResponse read;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(Get("/api/v1/runs").body, &read).ok());
}

TEST_F(SiteTest, GetsARunUnderTheAskedModels) {
  const Json json =
      GetJson(run_ + "?model=fl.round/1&network_model=net.aslan/2018&network_model=net.default/1");
  EXPECT_EQ(json["run"]["id"], MadeUpFederation::kRun);
  EXPECT_EQ(json["method"]["model"], "fl.round/1");
  EXPECT_EQ(json["method"]["networkModels"], Json({"net.aslan/2018", "net.default/1"}));
  EXPECT_EQ(json["footprint"]["alternatives"][0]["networkModel"], "net.default/1");
  EXPECT_EQ(json["nodes"].size(), 3u);
}

TEST_F(SiteTest, ARunIsFoundByItsNameWithSlashesAndMarkup) {
  EXPECT_EQ(GetJson("/api/v1/runs/heart%2Fdisease%20%3C%2Fscript%3E%3Cb%3E")["run"]["id"],
            MadeUpFederation::kRun);
  EXPECT_THAT(ErrorOf("/api/v1/runs/heart/disease%20%3C%2Fscript%3E%3Cb%3E", 404, 5),
              HasSubstr("no such path"));
}

TEST_F(SiteTest, ListsRoundsFromAndToInPages) {
  EXPECT_THAT(RoundsOf(GetJson(run_ + "/rounds")), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(RoundsOf(GetJson(run_ + "/rounds?from=1&to=2")), ElementsAre("1", "2"));
  EXPECT_THAT(RoundsOf(GetJson(run_ + "/rounds?from=2&to=2")), ElementsAre("2"));
  EXPECT_THAT(RoundsOf(GetJson(run_ + "/rounds?to=0")), ElementsAre("0"));
  EXPECT_THAT(RoundsOf(GetJson(run_ + "/rounds?from=3&to=18446744073709551615")), ElementsAre("3"));
  const Json first = GetJson(run_ + "/rounds?page_size=3&network_model=net.default/1");
  EXPECT_THAT(RoundsOf(first), ElementsAre("0", "1", "2"));
  EXPECT_EQ(first["method"]["networkModels"], Json({"net.default/1"}));
  const std::string token = first["nextPageToken"];
  ASSERT_THAT(token, Not(IsEmpty()));
  const Json second = GetJson(run_ + "/rounds?page_size=3&network_model=net.default/1&page_token=" + token);
  EXPECT_THAT(RoundsOf(second), ElementsAre("3"));
  EXPECT_EQ(second["nextPageToken"], "");
}

TEST_F(SiteTest, GetsRoundZero) {
  const Json json = GetJson(run_ + "/rounds/0?network_model=net.default/1");
  EXPECT_EQ(json["run"], MadeUpFederation::kRun);
  EXPECT_EQ(json["summary"]["round"], "0");
  EXPECT_EQ(json["method"]["networkModels"], Json({"net.default/1"}));
  EXPECT_EQ(ErrorOf(run_ + "/rounds/4711", 404, 5).empty(), false);
}

TEST_F(SiteTest, GetsANode) {
  const Json json = GetJson(run_ + "/nodes/budapest.example?network_model=net.default/1");
  EXPECT_EQ(json["node"]["node"], "budapest.example");
  EXPECT_THAT(RoundsOf(json), ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(json["method"]["networkModels"], Json({"net.default/1"}));
  EXPECT_THAT(ErrorOf(run_ + "/nodes/paris.example", 404, 5), HasSubstr("paris.example"));
}

TEST_F(SiteTest, ListsFactors) {
  const Json json = GetJson("/api/v1/factors");
  EXPECT_GT(json["factors"].size(), 200u);
  EXPECT_GE(json["networkModels"].size(), 5u);
}

TEST_F(SiteTest, WhatIsUnknownIsAnError) {
  EXPECT_THAT(ErrorOf("/api/v1/runs/nosuchrun", 404, 5), HasSubstr("nosuchrun"));
  EXPECT_THAT(ErrorOf(run_ + "?network_model=net.none/1", 400, 3), HasSubstr("net.none/1"));
  EXPECT_THAT(ErrorOf(run_ + "?model=none", 400, 3), HasSubstr("none"));
}

TEST_F(SiteTest, PageSizeHasItsLimits) {
  for (const std::string& path : {std::string("/api/v1/runs"), run_ + "/rounds"}) {
    EXPECT_EQ(Get(path + "?page_size=1").status, 200);
    EXPECT_EQ(Get(path + "?page_size=1000").status, 200);
    EXPECT_THAT(ErrorOf(path + "?page_size=1001", 400, 3), HasSubstr("page_size"));
    EXPECT_THAT(ErrorOf(path + "?page_size=0", 400, 3), HasSubstr("page_size"));
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
    const Response response = ErrorResponse(absl::Status(code, "why <b> \xff"));
    EXPECT_THAT(MessageOf(response, http, static_cast<int>(code)), HasSubstr("why <b>"));
  }
}

TEST_F(SiteTest, AnErrorsMessageIsAJsonString) {
  std::string message = "\"quoted\" \\ \xc3\xbc \xf0\x9f\x8c\x8d <b>\x7f";
  for (char control = 0; control < 0x20; ++control) message += control;
  const Response response = ErrorResponse(absl::NotFoundError(message + "\xff|"));
  EXPECT_EQ(MessageOf(response, 404, 5), message + "\xef\xbf\xbd|");
  EXPECT_EQ(ErrorResponse(absl::NotFoundError("a\nb\x01 \"c\"")).body,
            "{\"code\":5,\"details\":[],\"message\":\"a\\nb\\u0001 \\\"c\\\"\"}");
}

TEST_F(SiteTest, MarkupInNamesStaysText) {
  const Response response = Get(run_);
  EXPECT_THAT(response.body, Not(HasSubstr("<")));
  EXPECT_EQ(Json::parse(response.body)["run"]["name"], "heart/disease </script><b>");
}

TEST_F(SiteTest, ETagNamesTheContent) {
  const Response first = Get(run_);
  ASSERT_THAT(first.etag, testing::MatchesRegex("\"[0-9a-f]+\""));
  EXPECT_EQ(Get(run_).etag, first.etag);
  for (const std::string& field : {first.etag, "\"x\", " + first.etag, "W/" + first.etag, std::string("*")}) {
    const Response same = site_.Answer({"GET", run_, field});
    EXPECT_EQ(same.status, 304) << field;
    EXPECT_EQ(same.etag, first.etag);
    EXPECT_THAT(same.body, IsEmpty());
  }
  EXPECT_EQ(site_.Answer({"GET", run_, "\"x\""}).status, 200);
  federation_.AddRound();
  const Response changed = site_.Answer({"GET", run_, first.etag});
  EXPECT_EQ(changed.status, 200);
  EXPECT_NE(changed.etag, first.etag);
}

TEST_F(SiteTest, AnErrorIsNeverNotModified) {
  EXPECT_EQ(site_.Answer({"GET", "/nothing", "*"}).status, 404);
  EXPECT_EQ(site_.Answer({"GET", "/api/v1/runs?page_size=0", "*"}).status, 400);
}

TEST_F(SiteTest, OnlyReadingIsAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", ""}) {
    const Response response = site_.Answer({method, "/api/v1/runs", ""});
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.allow, "GET, HEAD");
    EXPECT_EQ(Json::parse(response.body)["code"], 12);
  }
  const Response get = Get("/api/v1/runs");
  const Response head = site_.Answer({"HEAD", "/api/v1/runs", ""});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, get.body);
  EXPECT_EQ(head.content_type, get.content_type);
  EXPECT_EQ(HeaderFields(head), HeaderFields(get));
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
  FailingStore store;
  const auto query = *FootprintQuery::Create(&store, federation_.clock(), "", "");
  Site site(query.get(), &metrics_);
  store.error = absl::DataLossError("damaged page 7");
  EXPECT_THAT(MessageOf(site.Answer({"GET", "/healthz", ""}), 503, 14), HasSubstr("damaged page 7"));
  EXPECT_THAT(MessageOf(site.Answer({"GET", "/api/v1/runs", "*"}), 500, 15), HasSubstr("damaged page 7"));
  store.error = absl::OkStatus();
  EXPECT_EQ(site.Answer({"GET", "/healthz", ""}).status, 200);
}

TEST_F(SiteTest, MetricsCountRequestsAndNameNoRunOrRound) {
  Get(run_);
  Get(run_ + "/rounds/3");
  Get("/api/v1/runs/canary-run/rounds/4711?network_model=canary-model");
  const Response response = Get("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.etag, IsEmpty());
  EXPECT_THAT(response.body, HasSubstr("fedcarbon_server_http_requests_total{code=\"2xx\"} 2"));
  EXPECT_THAT(response.body, HasSubstr("fedcarbon_server_http_requests_total{code=\"4xx\"} 1"));
  for (const char* forbidden : {"canary", "4711", "3f0e8a52", "budapest", "run=", "round=", "node="}) {
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
