#include "node/wire/http1_body.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace fedcarbon::node {
namespace {

using State = Http1Body::State;

struct Passed {
  uint64_t content = 0;
  size_t left = 0;  // not the body's
};

/// Feeds `bytes` in pieces of `step` as long as the body is open.
Passed Take(Http1Body* body, std::string_view bytes, size_t step) {
  Passed passed;
  while (!bytes.empty() && body->state() == State::kOpen) {
    std::string_view piece = bytes.substr(0, step);
    const size_t size = piece.size();
    passed.content += body->Take(&piece).size();
    bytes.remove_prefix(size - piece.size());
  }
  passed.left = bytes.size();
  return passed;
}

constexpr size_t kSteps[] = {1, 2, 3, 5, 1'000};

TEST(Http1BodyTest, ALength) {
  for (const size_t step : kSteps) {
    Http1Body body = Http1Body::Length(10);
    EXPECT_EQ(body.state(), State::kOpen);
    EXPECT_EQ(Take(&body, "123456789", step).content, 9u);
    EXPECT_EQ(body.state(), State::kOpen);
    const Passed passed = Take(&body, "0next", step);
    EXPECT_EQ(passed.content, 1u);
    EXPECT_EQ(passed.left, 4u);
    EXPECT_EQ(body.state(), State::kEnded);
  }
}

TEST(Http1BodyTest, ALengthOfNothingHasEnded) {
  Http1Body body = Http1Body::Length(0);
  EXPECT_EQ(body.state(), State::kEnded);
  std::string_view bytes = "next";
  EXPECT_EQ(body.Take(&bytes), "");
  EXPECT_EQ(bytes, "next");
}

TEST(Http1BodyTest, TheGreatestLength) {
  Http1Body body = Http1Body::Length(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Take(&body, std::string(1'000, 'x'), 100).content, 1'000u);
  EXPECT_EQ(body.state(), State::kOpen);
}

TEST(Http1BodyTest, UntilTheConnectionCloses) {
  Http1Body body = Http1Body::UntilClose();
  EXPECT_TRUE(body.until_close());
  EXPECT_EQ(Take(&body, "anything\r\n0\r\n\r\n", 3).content, 15u);
  EXPECT_EQ(body.state(), State::kOpen);
  EXPECT_FALSE(Http1Body::Length(1).until_close());
  EXPECT_FALSE(Http1Body::Chunked().until_close());
}

TEST(Http1BodyTest, Chunks) {
  for (const size_t step : kSteps) {
    Http1Body body = Http1Body::Chunked();
    const Passed passed =
        Take(&body, "4\r\nab\r\n\r\n1f\r\n" + std::string(31, '\n') + "\r\n0\r\nx: y\r\n\r\n", step);
    EXPECT_EQ(passed.content, 35u);
    EXPECT_EQ(body.state(), State::kTrailers);
    EXPECT_EQ(passed.left, 8u) << "the trailers are not its affair";
  }
}

TEST(Http1BodyTest, ChunkSizesAreHexadecimalInEitherCaseWithZerosInFront) {
  for (const std::string size : {"1a", "1A", "00000000000000000000001a"}) {
    Http1Body body = Http1Body::Chunked();
    EXPECT_EQ(Take(&body, size + "\r\n" + std::string(26, 'x') + "\r\n000\r\n", 7).content, 26u);
    EXPECT_EQ(body.state(), State::kTrailers);
  }
}

TEST(Http1BodyTest, BlanksAfterASizeAndExtensionsAreSkipped) {
  for (const size_t step : kSteps) {
    Http1Body body = Http1Body::Chunked();
    EXPECT_EQ(Take(&body, "1 \t \r\na\r\n1;x=\"y;\tz\"\r\nb\r\n1 ; x\r\nc\r\n0 ;\r\n", step).content, 3u);
    EXPECT_EQ(body.state(), State::kTrailers);
  }
}

TEST(Http1BodyTest, AChunkSizeIsBelow2To64) {
  for (const size_t step : kSteps) {
    Http1Body greatest = Http1Body::Chunked();
    EXPECT_EQ(Take(&greatest, "ffffffffffffffff\r\nxyz", step).content, 3u);
    EXPECT_EQ(greatest.state(), State::kOpen);
    Http1Body one_more = Http1Body::Chunked();
    EXPECT_EQ(Take(&one_more, "10000000000000000\r\nxyz", step).content, 0u);
    EXPECT_EQ(one_more.state(), State::kBroken);
  }
}

TEST(Http1BodyTest, WhateverElseIsNotTheGrammarBreaksIt) {
  for (const std::string bytes :
       {"\r\n",   " 1\r\n", "x",       "g",        "-1\r\n",    "+1\r\n",        "0x1\r\n",
        ";x\r\n", "1\n",    "1\rx",    "1\r\r\n",  "1 2\r\n",   "1 \n",          "1;x\n",
        "1;x\ry", "1_\r\n", "1\r\nab", "1\r\na\n", "1\r\na\rb", "1\r\na\r\n\r\n"}) {
    for (const size_t step : kSteps) {
      SCOPED_TRACE(bytes + " " + std::to_string(step));
      Http1Body body = Http1Body::Chunked();
      Take(&body, bytes, step);
      EXPECT_EQ(body.state(), State::kBroken);
    }
  }
}

TEST(Http1BodyTest, WhatPassedBeforeItBrokeIsTold) {
  Http1Body body = Http1Body::Chunked();
  std::string_view bytes = "3\r\nabcd\r\n";
  EXPECT_EQ(body.Take(&bytes), "abc");
  EXPECT_EQ(body.Take(&bytes), "");
  EXPECT_EQ(body.state(), State::kBroken);
}

}  // namespace
}  // namespace fedcarbon::node
