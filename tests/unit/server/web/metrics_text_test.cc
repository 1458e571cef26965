#include "server/web/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace fedcarbon::server {
namespace {

// An independent reading of the text format: name, labels, value.
std::map<std::string, double> Parse(const std::string& text) {
  static const std::regex kSample(R"re(([a-z_]+(\{[a-z]+="[^"\\]*"\})?) (\S+))re");
  static const std::regex kComment(R"(# (HELP|TYPE) [a-z_]+ .+)");
  std::map<std::string, double> samples;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    if (std::regex_match(line, kComment)) continue;
    std::smatch match;
    double value = 0;
    EXPECT_TRUE(std::regex_match(line, match, kSample) && absl::SimpleAtod(match[3].str(), &value)) << line;
    EXPECT_TRUE(samples.emplace(match[1], value).second) << line;
  }
  return samples;
}

TEST(MetricsText, HoldsEveryCounterUnderItsName) {
  Metrics metrics;
  metrics.batches_accepted = 5;
  metrics.batches_duplicate = 2;
  metrics.batches_refused = 1;
  metrics.batch_bytes = 12'345'678'901;
  metrics.report_streams = 4;
  metrics.http_requests[2] = 7;
  metrics.http_requests[4] = 3;
  auto samples = Parse(MetricsText(metrics));
  EXPECT_EQ(samples["fedcarbon_server_batch_received_total{result=\"accepted\"}"], 5);
  EXPECT_EQ(samples["fedcarbon_server_batch_received_total{result=\"duplicate\"}"], 2);
  EXPECT_EQ(samples["fedcarbon_server_batch_received_total{result=\"refused\"}"], 1);
  EXPECT_EQ(samples["fedcarbon_server_batch_received_bytes_total"], 12'345'678'901);
  EXPECT_EQ(samples["fedcarbon_server_report_streams"], 4);
  EXPECT_EQ(samples["fedcarbon_server_http_requests_total{code=\"2xx\"}"], 7);
  EXPECT_EQ(samples["fedcarbon_server_http_requests_total{code=\"4xx\"}"], 3);
  EXPECT_EQ(samples["fedcarbon_server_http_requests_total{code=\"5xx\"}"], 0);
}

TEST(MetricsText, DurationsCountIntoTheRangeThatTheyDoNotExceed) {
  Metrics metrics;
  metrics.commit.Observe(absl::ToDoubleSeconds(absl::ZeroDuration()));
  metrics.commit.Observe(absl::ToDoubleSeconds(absl::Microseconds(500)));  // at a bound
  metrics.commit.Observe(absl::ToDoubleSeconds(absl::Microseconds(501)));  // one past it
  metrics.commit.Observe(absl::ToDoubleSeconds(absl::Seconds(5)));
  metrics.commit.Observe(absl::ToDoubleSeconds(absl::Seconds(6)));
  auto samples = Parse(MetricsText(metrics));
  const std::string name = "fedcarbon_server_commit_duration_seconds";
  EXPECT_EQ(samples[name + "_bucket{le=\"0.0005\"}"], 2);
  EXPECT_EQ(samples[name + "_bucket{le=\"0.001\"}"], 3);
  EXPECT_EQ(samples[name + "_bucket{le=\"5\"}"], 4);
  EXPECT_EQ(samples[name + "_bucket{le=\"+Inf\"}"], 5);
  EXPECT_EQ(samples[name + "_count"], 5);
  EXPECT_NEAR(samples[name + "_sum"], 11.001001, 1e-9);
}

}  // namespace
}  // namespace fedcarbon::server
