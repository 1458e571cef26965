// The rules on what real releases said: flower_traces/README.md.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/unit/node/frameworks/flower_calls.h"

namespace fedcarbon::node::testing {
namespace {

using ::testing::ElementsAreArray;

/// What a transfer is booked to, and what it is.
struct Booked {
  std::string what;  // "7 /v1/fleet/pull-object": the call's number and path
  RoundId round;
  v1::Waste waste = v1::WASTE_UNSPECIFIED;

  bool operator==(const Booked& other) const {
    return what == other.what && round == other.round && waste == other.waste;
  }
};
std::ostream& operator<<(std::ostream& out, const Booked& booked) {
  return out << booked.what << " of run " << booked.round.run << ", round "
             << (booked.round.round.has_value() ? std::to_string(*booked.round.round) : "none") << ", "
             << v1::Waste_Name(booked.waste);
}

struct Computed {
  v1::SpanKind kind;
  RoundId round;
  int64_t microseconds;

  bool operator==(const Computed& other) const {
    return kind == other.kind && round == other.round && microseconds == other.microseconds;
  }
};
std::ostream& operator<<(std::ostream& out, const Computed& computed) {
  return out << v1::SpanKind_Name(computed.kind) << " of round " << computed.round.round.value_or(9999)
             << ", " << computed.microseconds << " us";
}

RoundId RoundOf(const std::string& run, const std::string& round) {
  RoundId id;
  if (run != "-") id.run = "flower:" + run;
  if (round != "-") id.round = std::stoull(round);
  return id;
}

v1::Waste WasteOf(const std::string& name) {
  static const std::map<std::string, v1::Waste> kNames = {{"-", v1::WASTE_UNSPECIFIED},
                                                          {"repeated", v1::WASTE_REPEATED},
                                                          {"poll", v1::WASTE_POLL},
                                                          {"heartbeat", v1::WASTE_HEARTBEAT}};
  return kNames.at(name);
}

v1::SpanKind KindOf(const std::string& name) {
  static const std::map<std::string, v1::SpanKind> kNames = {
      {"train", v1::SPAN_KIND_TRAIN}, {"evaluate", v1::SPAN_KIND_EVALUATE}, {"other", v1::SPAN_KIND_OTHER}};
  return kNames.at(name);
}

/// The rest of a line: hexadecimal digits, and "+123" for so many bytes that were left out.
std::string MessageOf(std::istream& words) {
  std::string message, word;
  while (words >> word) {
    if (word[0] == '+') {
      message.append(std::stoul(word), 'x');
    } else if (word != "-") {
      message += absl::HexStringToBytes(word);
    }
  }
  return message;
}

class FlowerTraceTest : public FlowerTest, public ::testing::WithParamInterface<const char*> {
 protected:
  /// Says all of it again, at the same times.
  void Play(std::istream& trace) {
    std::map<std::string, Open> open;  // by number
    absl::Duration now;
    for (std::string line; std::getline(trace, line);) {
      if (line[0] == '#') continue;
      std::istringstream words(line);
      int64_t at = 0;
      std::string kind, number, path, run, round, waste;
      words >> at >> kind >> number;
      meter_.clock.Advance(absl::Microseconds(at) - now);
      now = absl::Microseconds(at);
      if (kind == "=") {
        words >> run >> round >> at;
        computed_.push_back({KindOf(number), RoundOf(run, round), at});
      } else if (kind == ">") {
        words >> path >> run >> round >> waste;
        Open& call = open[number] = Begin(path);
        Send(&call, End::kClient, MessageOf(words));
        booked_[number] = {number + " " + path, RoundOf(run, round), WasteOf(waste)};
      } else {
        Open& call = open.at(number);
        Send(&call, End::kServer, MessageOf(words));
        End(&call);
        ended_.push_back(number);
      }
    }
  }

  /// With the rounds that were named later.
  std::vector<Booked> Seen() const {
    std::map<uint64_t, RoundId> bound;
    for (const Binding& binding : Bindings()) bound[binding.key] = binding.round;
    std::vector<Booked> seen;
    for (const Transfer& transfer : Transfers()) {
      const auto later = bound.find(transfer.binding);
      const RoundId round = transfer.round.known() || later == bound.end() ? transfer.round : later->second;
      seen.push_back({ended_.at(seen.size()) + " " + transfer.method, round, transfer.waste});
    }
    return seen;
  }

  std::map<std::string, Booked> booked_;  // by number
  std::vector<std::string> ended_;        // numbers, in order
  std::vector<Computed> computed_;
};

TEST_P(FlowerTraceTest, IsBookedAsTheNodesThemselvesSaidIt) {
  std::ifstream trace(std::string(FEDCARBON_SOURCE_DIR "/tests/unit/node/frameworks/flower_traces/") +
                      GetParam());
  Play(trace);
  std::vector<Booked> expected;
  for (const std::string& number : ended_) expected.push_back(booked_.at(number));
  ASSERT_GT(expected.size(), 100u);
  EXPECT_THAT(Seen(), ElementsAreArray(expected));

  std::vector<Computed> spans;
  for (const Span& span : Spans()) {
    EXPECT_TRUE(span.is_upper_bound);
    spans.push_back({span.kind, span.round, absl::ToInt64Microseconds(span.wall)});
  }
  ASSERT_GE(computed_.size(), 8u);  // two nodes, two rounds, train and evaluate
  EXPECT_THAT(spans, ElementsAreArray(computed_));
}

INSTANTIATE_TEST_SUITE_P(Recorded, FlowerTraceTest,
                         ::testing::Values("1.33.0-legacy.txt", "1.39.0-message.txt", "1.41.0-message.txt"),
                         [](const auto& info) {
                           std::string name(info.param, 6);
                           for (char& letter : name) letter = letter == '.' ? '_' : letter;
                           return name;
                         });

}  // namespace
}  // namespace fedcarbon::node::testing
