#include "server/web/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fedcarbon::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(ParseTarget, CutsThePathAtSlashesBeforeItDecodes) {
  const auto target = ParseTarget("/api/v1/runs/a%2Fb%20c+d");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->path, ElementsAre("api", "v1", "runs", "a/b c+d"));
  EXPECT_TRUE(target->parameters.empty());
}

TEST(ParseTarget, RootIsOneEmptySegment) { EXPECT_THAT(ParseTarget("/")->path, ElementsAre("")); }

TEST(ParseTarget, ReadsParametersInTheirOrder) {
  const auto target = ParseTarget("/r?network_model=b&a=1%262&network_model=a&x&&sp=a+b%2B");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->path, ElementsAre("r"));
  EXPECT_THAT(target->parameters, ElementsAre(Pair("a", "1&2"), Pair("network_model", "b"),
                                              Pair("network_model", "a"), Pair("sp", "a b+"), Pair("x", "")));
}

TEST(ParseTarget, RefusesWhatIsNoPath) {
  for (const char* target : {"", "*", "http://host/", "host:80"})
    EXPECT_FALSE(ParseTarget(target).ok()) << target;
}

TEST(ParseTarget, RefusesMalformedEncoding) {
  for (const char* target : {"/%", "/%4", "/%4g", "/%ff", "/a?b=%c3", "/a?%zz=1", "/\xff"}) {
    const auto parsed = ParseTarget(target);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << target;
  }
  EXPECT_TRUE(ParseTarget("/%c3%a9?a=%00").ok());
}

TEST(ParseNumber, TakesDigitsAlone) {
  EXPECT_EQ(ParseNumber("0"), 0u);
  EXPECT_EQ(ParseNumber("18446744073709551615"), 18446744073709551615u);
  for (const char* text : {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "one"}) {
    EXPECT_EQ(ParseNumber(text), std::nullopt) << text;
  }
}

std::multimap<std::string, std::string> Parameters(const std::string& query) {
  return ParseTarget("/?" + query)->parameters;
}

TEST(ParameterReader, NumberKeepsItsBounds) {
  const auto given = Parameters("least=1&most=1000&below=0&above=1001");
  ParameterReader reader(given);
  EXPECT_EQ(reader.Number("least", 1, 1000), 1u);
  EXPECT_EQ(reader.Number("most", 1, 1000), 1000u);
  EXPECT_EQ(reader.Number("absent", 1, 1000), std::nullopt);
  ParameterReader below(given), above(given);
  EXPECT_EQ(below.Number("below", 1, 1000), std::nullopt);
  EXPECT_EQ(below.Finish().message(), "below: \"0\" is not a whole number from 1 to 1000");
  EXPECT_EQ(above.Number("above", 1, 1000), std::nullopt);
  EXPECT_EQ(above.Finish().message(), "above: \"1001\" is not a whole number from 1 to 1000");
}

TEST(ParameterReader, EmptyNumberIsAnError) {
  const auto given = Parameters("from=");
  ParameterReader reader(given);
  EXPECT_EQ(reader.Number("from", 0, 9), std::nullopt);
  EXPECT_THAT(std::string(reader.Finish().message()), HasSubstr("from"));
}

TEST(ParameterReader, NamesAnUnknownParameter) {
  const auto given = Parameters("model=m&colour=red");
  ParameterReader reader(given);
  EXPECT_EQ(reader.Text("model"), "m");
  EXPECT_EQ(reader.Finish().message(), "colour: unknown parameter here");
}

TEST(ParameterReader, RefusesASecondValueOfOne) {
  const auto given = Parameters("model=m&model=n&page_size=1&page_size=1");
  ParameterReader text(given), number(given);
  text.Text("model");
  EXPECT_EQ(text.Finish().message(), "model: given more than once");
  number.Number("page_size", 1, 9);
  EXPECT_EQ(number.Finish().message(), "page_size: given more than once");
}

}  // namespace
}  // namespace fedcarbon::server
