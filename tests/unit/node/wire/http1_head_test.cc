#include "node/wire/http1_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fedcarbon::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Http1Head Request(const std::string& fields, const std::string& line = "POST /x HTTP/1.1") {
  return ParseRequest(line + "\r\n" + fields + "\r\n", HeaderNames::Standard());
}

Http1Head Answer(const std::string& fields, const std::string& line = "HTTP/1.1 200 OK") {
  return ParseAnswer(line + "\r\n" + fields + "\r\n", HeaderNames::Standard());
}

/// How much of `text` is the body's content.
uint64_t Content(Http1Body body, std::string_view text) {
  uint64_t content = 0;
  while (!text.empty() && body.state() == Http1Body::State::kOpen) content += body.Take(&text).size();
  return content;
}

void ExpectChunked(const Http1Head& head) {
  ASSERT_EQ(head.violation, nullptr);
  EXPECT_EQ(Content(head.body, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), 3u);
}

void ExpectLength(const Http1Head& head, uint64_t length) {
  ASSERT_EQ(head.violation, nullptr);
  EXPECT_FALSE(head.body.until_close());
  EXPECT_EQ(Content(head.body, std::string(length + 10, '0')), length);
}

void ExpectViolation(const Http1Head& head, const std::string& why) {
  ASSERT_NE(head.violation, nullptr);
  EXPECT_THAT(head.violation, HasSubstr(why));
}

TEST(Http1HeadTest, ARequestsWatchedFieldsInOrder) {
  const std::string section =
      "POST /a/b?c HTTP/1.1\r\nHost: h\r\nCONTENT-Type: \t text/x; a=b \t\r\nX: y\r\nfedcarbon-BIN: "
      "\xff\xfe\r\n"
      "content-type: again\r\ngrpc-encoding:\r\n\r\n";
  const Http1Head head = ParseRequest(section, HeaderNames::Standard());
  ASSERT_EQ(head.violation, nullptr);
  EXPECT_EQ(head.block.bytes, Bytes(section.size()));
  EXPECT_THAT(head.block.fields,
              ElementsAre(Pair(":method", "POST"), Pair(":path", "/a/b?c"),
                          Pair("content-type", "text/x; a=b"), Pair("fedcarbon-bin", "\xff\xfe"),
                          Pair("content-type", "again"), Pair("grpc-encoding", "")));
  EXPECT_FALSE(head.is_head);
  EXPECT_FALSE(head.is_connect);
  EXPECT_FALSE(head.compressed);
  EXPECT_EQ(head.upgrade, "");
}

TEST(Http1HeadTest, AnAnswersToo) {
  const std::string section =
      "HTTP/1.1 404 Not \xe9 Found\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n";
  const Http1Head head = ParseAnswer(section, HeaderNames::Standard());
  ASSERT_EQ(head.violation, nullptr);
  EXPECT_EQ(head.block.bytes, Bytes(section.size()));
  EXPECT_THAT(head.block.fields, ElementsAre(Pair(":status", "404"), Pair("content-encoding", "gzip")));
  EXPECT_EQ(head.status, 404);
  EXPECT_TRUE(head.compressed);
}

TEST(Http1HeadTest, TheReasonMayBeMissing) { EXPECT_EQ(Answer("", "HTTP/1.1 200 ").status, 200); }

TEST(Http1HeadTest, MethodsThatFrameDifferently) {
  EXPECT_TRUE(Request("", "HEAD / HTTP/1.1").is_head);
  EXPECT_TRUE(Request("", "CONNECT a:1 HTTP/1.1").is_connect);
  EXPECT_FALSE(Request("", "head / HTTP/1.1").is_head) << "methods have a case";
}

TEST(Http1HeadTest, Framing) {
  ExpectLength(Request(""), 0);
  ExpectLength(Request("Content-Length: 7\r\n"), 7);
  ExpectLength(Request("Content-Length: 7\r\n", "POST / HTTP/1.0"), 7);
  ExpectLength(Answer("Content-Length: 0\r\n"), 0);
  ExpectChunked(Request("Transfer-Encoding: chunked\r\n"));
  ExpectChunked(Answer("transfer-ENCODING: CHUNKED\r\n"));
  EXPECT_TRUE(Answer("").body.until_close());
  EXPECT_TRUE(Answer("", "HTTP/1.0 200 OK").body.until_close());
}

TEST(Http1HeadTest, TheGreatestLengthIsBelow2To64) {
  EXPECT_EQ(Request("Content-Length: 18446744073709551615\r\n").violation, nullptr);
  ExpectViolation(Request("Content-Length: 18446744073709551616\r\n"), "malformed");
}

TEST(Http1HeadTest, TheSameLengthTwiceIsOne) {
  ExpectLength(Request("Content-Length: 7\r\nContent-Length: 7\r\n"), 7);
  ExpectViolation(Request("Content-Length: 7\r\nContent-Length: 8\r\n"), "malformed");
}

TEST(Http1HeadTest, CompressedIsABodyInAnyCodingBelowTheChunks) {
  EXPECT_TRUE(Request("Content-Encoding: br\r\n").compressed);
  EXPECT_FALSE(Request("Content-Encoding: Identity\r\n").compressed);
  EXPECT_FALSE(Request("Content-Encoding:\r\n").compressed);
  EXPECT_FALSE(Request("Transfer-Encoding: Chunked\r\n").compressed);
  for (const char* fields : {"Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"}) {
    const Http1Head head = Request(fields);
    ExpectChunked(head);
    EXPECT_TRUE(head.compressed);
  }
}

TEST(Http1HeadTest, AnUpgradeIsOneOnlyIfConnectionNamesIt) {
  EXPECT_EQ(Request("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n").upgrade, "websocket");
  EXPECT_EQ(Answer("Upgrade: h2c\r\nConnection: upgrade\r\n", "HTTP/1.1 101 Switching Protocols").upgrade,
            "h2c");
  EXPECT_EQ(Request("Upgrade: websocket\r\n").upgrade, "");
  EXPECT_EQ(Request("Connection: keep-alive\r\nUpgrade: websocket\r\n").upgrade, "");
  EXPECT_EQ(Request("Connection: Upgrade\r\n").upgrade, "");
}

TEST(Http1HeadTest, WhatPeersReadInDifferentWaysIsRefused) {
  ExpectViolation(Request("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), "HTTP/1.0");
  ExpectViolation(Answer("Transfer-Encoding: chunked\r\n", "HTTP/1.0 200 OK"), "HTTP/1.0");
  for (const char* fields :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, gzip\r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding:\r\n"}) {
    SCOPED_TRACE(fields);
    ExpectViolation(Request(fields), "chunked");
    ExpectViolation(Answer(fields), "chunked");
  }
  for (const char* fields : {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
                             "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    SCOPED_TRACE(fields);
    EXPECT_NE(Request(fields).violation, nullptr);
    EXPECT_NE(Answer(fields).violation, nullptr);
  }
}

TEST(Http1HeadTest, BrokenSyntaxIsRefused) {
  for (const char* fields :
       {"Content-Length: -1\r\n", "Content-Length: +1\r\n", "Content-Length: 0x1\r\n",
        "Content-Length: 1 2\r\n", "Content-Length:\r\n", "no colon\r\n", ": no name\r\n", "blank : x\r\n",
        "a\rb: c\r\n", "a: b\rc\r\n", "a: \x01\r\n", "\x80: b\r\n"}) {
    SCOPED_TRACE(fields);
    ExpectViolation(Request(fields), "malformed");
    ExpectViolation(Answer(fields), "malformed");
  }
  ExpectViolation(Request(std::string("a: \0\r\n", 6)), "malformed");
  for (const char* line :
       {"", "GET", "GET /", "GET  / HTTP/1.1", "GET / x HTTP/1.1", "GET / HTTP/1.1 ", "GET / HTTP/2",
        "GET / http/1.1", "G(T / HTTP/1.1", "GET /\x01 HTTP/1.1", "HTTP/1.1 200 OK"}) {
    SCOPED_TRACE(line);
    ExpectViolation(Request("", line), "malformed");
  }
  for (const char* line : {"", "HTTP/1.1", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 x00 OK",
                           "HTTP/1.1  200 OK", "HTTP/2 200 OK", "GET / HTTP/1.1"}) {
    SCOPED_TRACE(line);
    ExpectViolation(Answer("", line), "malformed");
  }
}

TEST(Http1HeadTest, ASectionHasToEndWithItsEmptyLine) {
  ExpectViolation(ParseRequest("GET / HTTP/1.1\r\n", HeaderNames::Standard()), "malformed");
  ExpectViolation(ParseRequest("GET / HTTP/1.1\r\n\r\nmore", HeaderNames::Standard()), "malformed");
}

TEST(Http1HeadTest, Trailers) {
  const std::string section = "Grpc-Status: 5\r\nx: y\r\n\r\n";
  const Http1Head head = ParseTrailers(section, HeaderNames::Standard());
  ASSERT_EQ(head.violation, nullptr);
  EXPECT_EQ(head.block.bytes, Bytes(section.size()));
  EXPECT_THAT(head.block.fields, ElementsAre(Pair("grpc-status", "5")));
  ExpectViolation(ParseTrailers("x y\r\n\r\n", HeaderNames::Standard()), "malformed");
  EXPECT_THAT(ParseTrailers("\r\n", HeaderNames::Standard()).block.fields, IsEmpty());
}

}  // namespace
}  // namespace fedcarbon::node
