#include "node/wire/http1_section.h"

#include <gtest/gtest.h>

#include <string>

namespace fedcarbon::node {
namespace {

using Result = Http1Section::Result;

const std::string kSection = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What comes of `bytes` in pieces of `step`, and how much is left of the last piece.
Result Take(Http1Section* section, std::string_view bytes, size_t step, size_t* left = nullptr) {
  Result result = Result::kIncomplete;
  while (!bytes.empty() && result == Result::kIncomplete) {
    std::string piece(bytes.substr(0, step));  // gone by the next one
    std::string_view rest = piece;
    result = section->Take(&rest);
    bytes.remove_prefix(piece.size() - rest.size());
    EXPECT_TRUE(result != Result::kIncomplete || rest.empty());
    EXPECT_TRUE(result != Result::kComplete || section->section() == kSection);
  }
  if (left != nullptr) *left = bytes.size();
  return result;
}

TEST(Http1SectionTest, IsSeenInPlaceWhereOneReadHoldsIt) {
  Http1Section section{Bytes(100)};
  const std::string bytes = kSection + "body";
  std::string_view rest = bytes;
  ASSERT_EQ(section.Take(&rest), Result::kComplete);
  EXPECT_EQ(section.section().data(), bytes.data());
  EXPECT_EQ(section.section(), kSection);
  EXPECT_EQ(rest, "body");
}

TEST(Http1SectionTest, OfAnyPiecesEndsWithItsEmptyLine) {
  for (size_t step = 1; step <= kSection.size(); ++step) {
    SCOPED_TRACE(step);
    Http1Section section{Bytes(kSection.size())};
    for (int i = 0; i < 3; ++i) {
      size_t left = 0;
      EXPECT_EQ(Take(&section, kSection + "body", step, &left), Result::kComplete);
      EXPECT_EQ(left, 4u);
      section.Clear();
      EXPECT_EQ(section.section(), "");
    }
  }
}

TEST(Http1SectionTest, HoldsMemoryOnlyForASectionInPieces) {
  Http1Section section{Bytes(100)};
  std::string_view whole = kSection;
  EXPECT_EQ(section.Take(&whole), Result::kComplete);
  EXPECT_EQ(section.held_bytes(), 0u);
  section.Clear();
  EXPECT_EQ(Take(&section, kSection, 5), Result::kComplete);
  EXPECT_GE(section.held_bytes(), kSection.size());
  section.Clear();
  EXPECT_EQ(section.held_bytes(), 0u);
}

TEST(Http1SectionTest, CutInTwoAnywhere) {
  for (size_t cut = 1; cut < kSection.size(); ++cut) {
    SCOPED_TRACE(cut);
    Http1Section section{Bytes(kSection.size())};
    std::string_view first = std::string_view(kSection).substr(0, cut);
    EXPECT_EQ(section.Take(&first), Result::kIncomplete);
    std::string_view second = std::string_view(kSection).substr(cut);
    EXPECT_EQ(section.Take(&second), Result::kComplete);
    EXPECT_EQ(section.section(), kSection);
  }
}

TEST(Http1SectionTest, OneEmptyLineIsASection) {
  for (const size_t step : {1, 2}) {
    Http1Section section{Bytes(2)};
    std::string_view bytes = "\r\n";
    std::string_view first = bytes.substr(0, step);
    if (step == 1) {
      EXPECT_EQ(section.Take(&first), Result::kIncomplete);
      bytes.remove_prefix(1);
    }
    EXPECT_EQ(section.Take(&bytes), Result::kComplete);
    EXPECT_EQ(section.section(), "\r\n");
  }
}

TEST(Http1SectionTest, MayBeAsLongAsTheLimit) {
  for (size_t step = 1; step <= kSection.size(); ++step) {
    SCOPED_TRACE(step);
    Http1Section fits{Bytes(kSection.size())};
    EXPECT_EQ(Take(&fits, kSection, step), Result::kComplete);
    Http1Section one_short{Bytes(kSection.size() - 1)};
    EXPECT_EQ(Take(&one_short, kSection, step), Result::kTooLong);
  }
}

TEST(Http1SectionTest, AboveTheLimitIsKnownBeforeALineEnds) {
  for (const size_t step : {1, 7, 1'000}) {
    Http1Section section{Bytes(100)};
    EXPECT_EQ(Take(&section, std::string(100, 'x'), step), Result::kIncomplete);
    EXPECT_EQ(Take(&section, "x", step), Result::kTooLong);
  }
}

TEST(Http1SectionTest, WhatFollowsDoesNotCountTowardsTheLimit) {
  Http1Section section{Bytes(kSection.size())};
  size_t left = 0;
  EXPECT_EQ(Take(&section, kSection + std::string(1'000, 'b'), 2'000, &left), Result::kComplete);
  EXPECT_EQ(left, 1'000u);
}

TEST(Http1SectionTest, ALineThatEndsInLfAloneBreaksIt) {
  for (const std::string bytes :
       {"\n", "GET / HTTP/1.1\n\r\n", "GET / HTTP/1.1\r\n\n", "a\r\nb\nc\r\n\r\n", "\r\r\n\n"}) {
    for (const size_t step : {1, 2, 3, 100}) {
      SCOPED_TRACE(bytes + " " + std::to_string(step));
      Http1Section section{Bytes(100)};
      EXPECT_EQ(Take(&section, bytes, step), Result::kBroken);
    }
  }
}

TEST(Http1SectionTest, ALineThatBeginsWithABlankBreaksIt) {
  for (const std::string bytes :
       {" ", "\t", "GET / HTTP/1.1\r\n a: b\r\n", "GET / HTTP/1.1\r\na: b\r\n\tc\r\n"}) {
    for (const size_t step : {1, 2, 3, 100}) {
      SCOPED_TRACE(bytes + " " + std::to_string(step));
      Http1Section section{Bytes(100)};
      EXPECT_EQ(Take(&section, bytes, step), Result::kBroken);
    }
  }
}

TEST(Http1SectionTest, ACrAloneIsNotItsAffair) {
  for (const size_t step : {1, 2, 3, 100}) {
    Http1Section section{Bytes(100)};
    std::string_view bytes = "a\rb\r\r\n\r\n";
    Result result = Result::kIncomplete;
    while (!bytes.empty()) {
      std::string_view piece = bytes.substr(0, step);
      bytes.remove_prefix(piece.size());
      result = section.Take(&piece);
    }
    EXPECT_EQ(result, Result::kComplete);
    EXPECT_EQ(section.section(), "a\rb\r\r\n\r\n");
  }
}

}  // namespace
}  // namespace fedcarbon::node
