#include "fedcarbon/text/utf8.h"

#include <google/protobuf/stubs/common.h>
#include <gtest/gtest.h>

#include <string>

namespace fedcarbon {
namespace {

TEST(Utf8Test, EveryCodePointIsReadBack) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    std::string text;
    if (value < 0x80) {
      text = {static_cast<char>(value)};
    } else if (value < 0x800) {
      text = {static_cast<char>(0xC0 | value >> 6), static_cast<char>(0x80 | (value & 0x3F))};
    } else if (value < 0x10000) {
      text = {static_cast<char>(0xE0 | value >> 12), static_cast<char>(0x80 | (value >> 6 & 0x3F)),
              static_cast<char>(0x80 | (value & 0x3F))};
    } else {
      text = {static_cast<char>(0xF0 | value >> 18), static_cast<char>(0x80 | (value >> 12 & 0x3F)),
              static_cast<char>(0x80 | (value >> 6 & 0x3F)), static_cast<char>(0x80 | (value & 0x3F))};
    }
    const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
    const CodePoint point = DecodeUtf8(text + "x");
    ASSERT_EQ(point.is_valid, !is_surrogate) << static_cast<uint32_t>(value);
    ASSERT_EQ(point.size, is_surrogate ? 1 : text.size()) << static_cast<uint32_t>(value);
    if (!is_surrogate) {
      ASSERT_EQ(point.value, value);
    }
  }
}

// Texts of up to four bytes at every edge of what follows what: judged as protobuf judges it.
TEST(Utf8Test, IsWhatProtobufAccepts) {
  const auto expect_same = [](const std::string& text) {
    ASSERT_EQ(IsUtf8(text),
              google::protobuf::internal::IsStructurallyValidUTF8(text.data(), static_cast<int>(text.size())))
        << ::testing::PrintToString(text);
  };
  expect_same("");
  for (int first = 0; first < 256; ++first) {
    expect_same({static_cast<char>(first)});
    for (int second = 0; second < 256; ++second) {
      const std::string two = {static_cast<char>(first), static_cast<char>(second)};
      expect_same(two);
      for (const char third : {'\x7F', '\x80', '\xBF', '\xC0'}) {
        expect_same(two + third);
        for (const char fourth : {'\x7F', '\x80', '\xBF', '\xC0'}) expect_same(two + third + fourth);
      }
    }
  }
}

TEST(Utf8Test, AByteThatBeginsNothingStandsForItself) {
  for (const char* text : {"\xff", "\xc3(", "\xe2\x82", "\xc0\xaf", "\xf4\x90\x80\x80"}) {
    const CodePoint point = DecodeUtf8(text);
    EXPECT_FALSE(point.is_valid);
    EXPECT_EQ(point.size, 1u);
    EXPECT_EQ(point.value, static_cast<unsigned char>(text[0]));
  }
}

TEST(Utf8Test, CleanTextIsCutBetweenCharacters) {
  EXPECT_EQ(CleanText("aé", 3), "aé");
  EXPECT_EQ(CleanText("aé", 2), "a");
  EXPECT_EQ(CleanText("aé", 0), "");
  EXPECT_EQ(CleanText("\xe2\x82", 1), "?");
  EXPECT_EQ(CleanText("\xe2\x82", 2), "??");
}

}  // namespace
}  // namespace fedcarbon
