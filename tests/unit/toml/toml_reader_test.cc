#include "fedcarbon/toml/toml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fedcarbon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TomlReader kToml("a.toml", "README.md");

std::string MessageOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

absl::StatusOr<std::string> NoUpperCase(const std::string& text) {
  if (text.find('A') == std::string::npos) return text;
  return absl::InvalidArgumentError("it holds an A: leave it out");
}

TEST(TomlReaderTest, ReadsInTheOrderOfItsKeys) {
  std::vector<std::string> read;
  const ValueReader note = [&read](const std::string& key, const toml::node&) {
    read.push_back(key);
    return absl::OkStatus();
  };
  ASSERT_TRUE(kToml.Read("a = 1\nb = 2\nc = 3\n", {{"c", note}, {"d", note}, {"a", note}, {"b", note}}).ok());
  EXPECT_THAT(read, ElementsAre("c", "a", "b"));
}

TEST(TomlReaderTest, NamesPlaceAndTheKeyWithTheTablesAroundIt) {
  std::string text = "before";
  const TableReader table = {{"of", kToml.Text(NoUpperCase, &text)}};
  const TableReader keys = {{"table", [&table](const std::string& key, const toml::node& node) {
                               return kToml.ReadTable(key, node, table);
                             }}};
  EXPECT_EQ(MessageOf(kToml.Read("[table]\nof = 'A'\n", keys)),
            "a.toml:2:6: table.of: it holds an A: leave it out");
  EXPECT_EQ(MessageOf(kToml.Read("table = 1\n", keys)),
            "a.toml:1:9: table: a table is wanted here: write [table]");
  EXPECT_EQ(MessageOf(kToml.Read("[table]\noff = 1\n", keys)),
            "a.toml:2:1: unknown key \"table.off\": did you mean of?");
  EXPECT_EQ(text, "before");
  EXPECT_TRUE(kToml.Read("[table]\nof = 'a'\n", keys).ok());
  EXPECT_EQ(text, "a");
}

TEST(TomlReaderTest, LeavesOutAKeyThatIsNotNamed) {
  int number = 0;
  const TableReader keys = {{"number", [&number](const std::string&, const toml::node& node) {
                               return kToml.Whole(1, 5, &number)("", node);
                             }}};
  EXPECT_EQ(MessageOf(kToml.Read("number = 6", keys)),
            "a.toml:1:10: a whole number from 1 to 5 is wanted here");
}

TEST(TomlReaderTest, WhatIsNoTomlNamesTheDocument) {
  EXPECT_THAT(MessageOf(kToml.Read("a = \n", {})), HasSubstr(": not TOML: "));
  EXPECT_THAT(MessageOf(kToml.Read("a = \n", {})), HasSubstr("see README.md for the format"));
}

}  // namespace
}  // namespace fedcarbon
