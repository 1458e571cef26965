#include "node/status/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace fedcarbon::node {
namespace {

using testing::ElementsAre;
using testing::Pair;

struct Family {
  std::string help;
  std::string type;
  std::map<std::string, double> samples;  // by their labels, as written
};

// An independent reading of the text format, by name.
std::map<std::string, Family> Parse(const std::string& text) {
  static const std::regex kSample(R"re(([a-z_]+)(\{[a-z]+="[a-z]*"(,[a-z]+="[a-z]*")*\})? (\S+))re");
  static const std::regex kComment(R"(# (HELP|TYPE) ([a-z_]+) (.+))");
  std::map<std::string, Family> families;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    std::smatch match;
    double value = 0;
    if (std::regex_match(line, match, kComment)) {
      (match[1] == "HELP" ? families[match[2]].help : families[match[2]].type) = match[3];
    } else if (std::regex_match(line, match, kSample) && absl::SimpleAtod(match[4].str(), &value)) {
      EXPECT_TRUE(families[match[1]].samples.emplace(match[2], value).second) << line;
    } else {
      ADD_FAILURE() << line;
    }
  }
  return families;
}

TEST(MetricsText, HoldsEveryMetricUnderItsName) {
  ProxyMetrics metrics;
  Count(&metrics.connections_accepted, 1);
  metrics.connections_open = 2;
  Count(&metrics.connections_reset, 3);
  Count(&metrics.upstream_failures, 4);
  Count(&metrics.handshake_failures, 5);
  Count(&metrics.accept_pauses, 6);
  metrics.held_bytes = 7;
  Count(&metrics.downstream_received_bytes, 12'345'678'901);
  Count(&metrics.downstream_sent_bytes, 9);
  Count(&metrics.upstream_received_bytes, 10);
  Count(&metrics.upstream_sent_bytes, 11);
  Count(&metrics.calls_started, 12);
  Count(&metrics.calls_ended, 13);
  Count(&metrics.messages_sent, 14);
  Count(&metrics.messages_received, 15);
  Count(&metrics.message_sent_bytes, 16);
  Count(&metrics.message_received_bytes, 17);
  Count(&metrics.gaps, 18);
  Count(&metrics.undecoded_bytes, 19);
  Count(&metrics.kernel_checked, 20);
  Count(&metrics.kernel_differed, 21);
  auto families = Parse(MetricsText(metrics));
  EXPECT_EQ(families.size(), 16u);
  const auto samples = [&](const char* name) {
    return families[absl::StrCat("fedcarbon_node_", name)].samples;
  };
  EXPECT_THAT(samples("connections_accepted_total"), ElementsAre(Pair("", 1)));
  EXPECT_THAT(samples("connections_open"), ElementsAre(Pair("", 2)));
  EXPECT_THAT(samples("connections_reset_total"), ElementsAre(Pair("", 3)));
  EXPECT_THAT(samples("upstream_failures_total"), ElementsAre(Pair("", 4)));
  EXPECT_THAT(samples("handshake_failures_total"), ElementsAre(Pair("", 5)));
  EXPECT_THAT(samples("accept_pauses_total"), ElementsAre(Pair("", 6)));
  EXPECT_THAT(samples("held_bytes"), ElementsAre(Pair("", 7)));
  EXPECT_THAT(samples("transport_bytes_total"),
              ElementsAre(Pair("{leg=\"downstream\",direction=\"received\"}", 12'345'678'901),
                          Pair("{leg=\"downstream\",direction=\"sent\"}", 9),
                          Pair("{leg=\"upstream\",direction=\"received\"}", 10),
                          Pair("{leg=\"upstream\",direction=\"sent\"}", 11)));
  EXPECT_THAT(samples("calls_started_total"), ElementsAre(Pair("", 12)));
  EXPECT_THAT(samples("calls_ended_total"), ElementsAre(Pair("", 13)));
  EXPECT_THAT(samples("messages_total"),
              ElementsAre(Pair("{direction=\"received\"}", 15), Pair("{direction=\"sent\"}", 14)));
  EXPECT_THAT(samples("message_bytes_total"),
              ElementsAre(Pair("{direction=\"received\"}", 17), Pair("{direction=\"sent\"}", 16)));
  EXPECT_THAT(samples("losses_total"), ElementsAre(Pair("", 18)));
  EXPECT_THAT(samples("undecoded_bytes_total"), ElementsAre(Pair("", 19)));
  EXPECT_THAT(samples("kernel_checked_total"), ElementsAre(Pair("", 20)));
  EXPECT_THAT(samples("kernel_differed_total"), ElementsAre(Pair("", 21)));
}

// What promtool asks for: help, a type, _total for counters and for nothing else.
TEST(MetricsText, FollowsPrometheusConventions) {
  for (const auto& [name, family] : Parse(MetricsText(ProxyMetrics()))) {
    EXPECT_FALSE(family.help.empty()) << name;
    EXPECT_FALSE(family.samples.empty()) << name;
    EXPECT_EQ(family.type, absl::EndsWith(name, "_total") ? "counter" : "gauge") << name;
    EXPECT_TRUE(absl::StartsWith(name, "fedcarbon_node_")) << name;
  }
}

TEST(MetricsText, TheReadmeNamesEachFamily) {
  std::ifstream file(FEDCARBON_SOURCE_DIR "/node/README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  for (const auto& [name, family] : Parse(MetricsText(ProxyMetrics()))) {
    const std::string named = "`" + name.substr(std::string("fedcarbon_node_").size());
    EXPECT_TRUE(absl::StrContains(readme.str(), named + "`") || absl::StrContains(readme.str(), named + "{"))
        << name;
  }
}

}  // namespace
}  // namespace fedcarbon::node
