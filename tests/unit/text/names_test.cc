#include "fedcarbon/text/names.h"

#include <gtest/gtest.h>

#include <string>

namespace fedcarbon {
namespace {

TEST(NamesTest, AreJudgedAtTheLimitAndOnePast) {
  EXPECT_TRUE(IsRunId(std::string(64, 'r')));
  EXPECT_FALSE(IsRunId(std::string(65, 'r')));
  EXPECT_TRUE(IsRunId("flower:12_3.a-B"));
  EXPECT_FALSE(IsRunId(""));
  EXPECT_FALSE(IsRunId("a/b"));
  EXPECT_TRUE(IsMethodName(std::string(128, 'm')));
  EXPECT_FALSE(IsMethodName(std::string(129, 'm')));
  EXPECT_TRUE(IsMethodName("/a.B_c/D-e9"));
  EXPECT_FALSE(IsMethodName(""));
  EXPECT_FALSE(IsMethodName("/a?b"));
  EXPECT_FALSE(IsMethodName("/a:b"));
  const std::string label(63, 'n');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'n');
  EXPECT_TRUE(IsNodeName(longest));
  EXPECT_FALSE(IsNodeName(longest + "n"));
  EXPECT_FALSE(IsNodeName(label + "n.example"));
  EXPECT_TRUE(IsNodeName("a-1.b"));
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "-a", "a-", "A", "a_b", "a b"}) {
    EXPECT_FALSE(IsNodeName(bad)) << bad;
  }
}

}  // namespace
}  // namespace fedcarbon
