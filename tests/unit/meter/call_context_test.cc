#include "fedcarbon/meter/call_context.h"

#include <limits>

#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

TEST(CallContextTest, RoundTrip) {
  const auto context = DecodeContext(EncodeContext(42, "hospital-a.example.org", {"flower:1234", 0}));
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->call_id(), 42);
  EXPECT_EQ(context->node(), "hospital-a.example.org");
  EXPECT_EQ(RoundOf(*context), (RoundId{"flower:1234", 0}));
}

TEST(CallContextTest, UnknownRoundIsAbsent) {
  const auto context = DecodeContext(EncodeContext(42, "a", {}));
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(RoundOf(*context), RoundId());
}

TEST(CallContextTest, GreatestNumbersFit) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  const auto context = DecodeContext(EncodeContext(kMost, "a", {"r", kMaxRound}));
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->call_id(), kMost);
  EXPECT_EQ(context->round(), kMaxRound);
}

TEST(CallContextTest, RoundAboveTheGreatestIsRefusedAndNeverSent) {
  v1::CallContext context;
  context.set_version(1);
  context.set_node("a");
  context.set_round(kMaxRound);
  EXPECT_NE(DecodeContext(context.SerializeAsString()), std::nullopt);
  context.set_round(kMaxRound + 1);
  EXPECT_EQ(DecodeContext(context.SerializeAsString()), std::nullopt);

  const auto sent = DecodeContext(EncodeContext(1, "a", {"r", kMaxRound + 1}));
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(RoundOf(*sent), (RoundId{"r", std::nullopt}));
}

TEST(CallContextTest, OtherVersionsAreRefused) {
  for (const uint32_t version : {0u, 2u}) {
    v1::CallContext context;
    context.set_version(version);
    context.set_node("a");
    EXPECT_EQ(DecodeContext(context.SerializeAsString()), std::nullopt);
  }
}

TEST(CallContextTest, NamesAreCheckedAtTheirLimits) {
  std::string node(253, 'a');
  node[63] = node[127] = node[191] = '.';
  EXPECT_NE(DecodeContext(EncodeContext(1, node, {})), std::nullopt);
  node[251] = '.';
  EXPECT_EQ(DecodeContext(EncodeContext(1, node + "a", {})), std::nullopt);
  EXPECT_EQ(DecodeContext(EncodeContext(1, "", {})), std::nullopt);
  EXPECT_EQ(DecodeContext(EncodeContext(1, "Hospital", {})), std::nullopt);
  EXPECT_NE(DecodeContext(EncodeContext(1, "a", {std::string(64, 'r'), 1})), std::nullopt);
  EXPECT_EQ(DecodeContext(EncodeContext(1, "a", {std::string(65, 'r'), 1})), std::nullopt);
  EXPECT_EQ(DecodeContext(EncodeContext(1, "a", {"<script>", 1})), std::nullopt);
}

// Fields of a later minor change are skipped, as long as the whole stays small.
TEST(CallContextTest, LengthIsCheckedAtItsLimit) {
  const std::string context = EncodeContext(1, "a", {});
  const auto padded = [&](size_t size) {
    const size_t padding = size - context.size() - 4;  // two bytes of tag, two of length
    return context + "\xfa\x01" + static_cast<char>(padding % 128 + 128) + static_cast<char>(padding / 128) +
           std::string(padding, 'x');
  };
  ASSERT_EQ(padded(kMaxContextBytes).size(), 1024);
  EXPECT_NE(DecodeContext(padded(kMaxContextBytes)), std::nullopt);
  EXPECT_EQ(DecodeContext(padded(kMaxContextBytes + 1)), std::nullopt);
}

}  // namespace
}  // namespace fedcarbon
