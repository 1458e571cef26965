#include "node/proxy/gap_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace fedcarbon::node {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr v1::Gap::Reason kDecoder = v1::Gap::REASON_DECODER, kUnreachable = v1::Gap::REASON_UNREACHABLE;
const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

TEST(GapBookTest, GathersByWhy) {
  GapBook book;
  const absl::Time middle = kStart + absl::Seconds(1), end = kStart + absl::Seconds(2);
  book.Add(kDecoder, "one", 1, Bytes(10), middle, middle);
  book.Add(kUnreachable, "another", 1, Bytes(0), middle, end);
  book.Add(kDecoder, "one", 2, Bytes(5), kStart, middle);
  book.Add(kDecoder, "one", 0, Bytes(7), end, end);

  const std::vector<Gap> gaps = book.Take();
  ASSERT_THAT(gaps, SizeIs(2));
  const Gap& one = gaps[gaps[0].detail == "one" ? 0 : 1];
  EXPECT_EQ(one.reason, kDecoder);
  EXPECT_EQ(one.detail, "one");
  EXPECT_EQ(one.facts, 3u);
  EXPECT_EQ(one.bytes, Bytes(22));
  EXPECT_EQ(one.from, kStart);
  EXPECT_EQ(one.to, end);
  EXPECT_EQ(gaps[gaps[0].detail == "one" ? 1 : 0].reason, kUnreachable);
}

TEST(GapBookTest, BeginsAnewOnceTaken) {
  GapBook book;
  book.Add(kDecoder, "one", 1, Bytes(10), kStart, kStart);
  EXPECT_THAT(book.Take(), SizeIs(1));
  EXPECT_THAT(book.Take(), IsEmpty());
  book.Add(kDecoder, "one", 1, Bytes(1), kStart + absl::Seconds(5), kStart + absl::Seconds(5));
  const std::vector<Gap> gaps = book.Take();
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].bytes, Bytes(1));
  EXPECT_EQ(gaps[0].from, kStart + absl::Seconds(5));
}

}  // namespace
}  // namespace fedcarbon::node
