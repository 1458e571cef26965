#include "node/frameworks/protobuf_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "fedcarbon/v1/facts.pb.h"
#include "tests/unit/node/frameworks/encode.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::node {
namespace {

using testing::Delimited;
using ::testing::ElementsAre;
using testing::Fixed64;
using ::testing::IsEmpty;
using testing::Varint;

struct Heard {
  size_t field;
  uint64_t number;  // or the length
  std::string first;

  friend bool operator==(const Heard& a, const Heard& b) {
    return std::tie(a.field, a.number, a.first) == std::tie(b.field, b.number, b.first);
  }
  friend void PrintTo(const Heard& heard, std::ostream* out) {
    *out << heard.field << ": " << heard.number << " " << heard.first.substr(0, 20);
  }
};

class Listener : public FieldListener {
 public:
  void OnNumber(size_t field, uint64_t value) override { heard.push_back({field, value, ""}); }
  void OnBytes(size_t field, std::string_view first, uint64_t length) override {
    heard.push_back({field, length, std::string(first)});
    rest.clear();
  }
  void OnRest(size_t, std::string_view bytes) override { rest += bytes; }

  std::vector<Heard> heard;
  std::string rest;  // of the last value of bytes
};

constexpr size_t kSteps[] = {1, 2, 3, 7, 100'000};

/// What is heard of `message`, the same in pieces of every size; whether it was whole is in `whole`.
std::vector<Heard> Read(const std::vector<FieldPath>& table, const std::string& message, bool* whole) {
  std::vector<std::vector<Heard>> all;
  for (const size_t step : kSteps) {
    Listener listener;
    ProtobufFields fields(&table, &listener);
    for (size_t at = 0; at < message.size(); at += step)
      fields.Feed(std::string_view(message).substr(at, step));
    const bool is_whole = fields.Finish();
    if (all.empty()) *whole = is_whole;
    EXPECT_EQ(is_whole, *whole) << "in pieces of " << step;
    all.push_back(listener.heard);
    EXPECT_EQ(all.back(), all.front()) << "in pieces of " << step;
  }
  return all.front();
}

std::vector<Heard> ReadWhole(const std::vector<FieldPath>& table, const std::string& message) {
  bool whole = false;
  std::vector<Heard> heard = Read(table, message, &whole);
  EXPECT_TRUE(whole);
  return heard;
}

void ExpectBroken(const std::string& message) {
  bool whole = true;
  Read({{1}, {2, 1}}, message, &whole);
  EXPECT_FALSE(whole);
}

TEST(ProtobufFieldsTest, ReadsWhatTheTableNames) {
  const std::string message =
      Varint(1, 300) + Delimited(2, Varint(1, 7) + Delimited(3, "abc") + Varint(4, 9)) + Fixed64(5, 11) +
      Delimited(6, "skipped") + Varint(7, 1) + Delimited(2, Delimited(3, ""));
  EXPECT_THAT(
      ReadWhole({{1}, {2, 3}, {5}, {2, 1}}, message),
      ElementsAre(Heard{0, 300, ""}, Heard{3, 7, ""}, Heard{1, 3, "abc"}, Heard{2, 11, ""}, Heard{1, 0, ""}));
}

TEST(ProtobufFieldsTest, AnEmptyMessageIsWhole) { EXPECT_THAT(ReadWhole({{1}}, ""), IsEmpty()); }

TEST(ProtobufFieldsTest, ShowsTheFirstBytesAndSkipsTheRest) {
  const std::string at(ProtobufFields::kShownBytes, 'a');
  const std::string past = at + "b";
  EXPECT_THAT(ReadWhole({{1}, {2}}, Delimited(1, at) + Delimited(1, past) + Varint(2, 1)),
              ElementsAre(Heard{0, at.size(), at}, Heard{0, past.size(), at}, Heard{1, 1, ""}));
}

TEST(ProtobufFieldsTest, TheRestOfAValueCanBeHeardAsItPasses) {
  std::string value;
  for (size_t i = 0; i < 3 * ProtobufFields::kShownBytes; ++i) value += static_cast<char>(i % 251);
  for (const size_t size : {ProtobufFields::kShownBytes, ProtobufFields::kShownBytes + 1, value.size()}) {
    const std::string message =
        Delimited(3, "skipped" + value) + Delimited(1, value.substr(0, size)) + Delimited(4, value);
    for (const size_t step : kSteps) {
      Listener listener;
      const std::vector<FieldPath> table = {{1}};
      ProtobufFields fields(&table, &listener);
      for (size_t at = 0; at < message.size(); at += step) {
        fields.Feed(std::string_view(message).substr(at, step));
      }
      EXPECT_TRUE(fields.Finish());
      ASSERT_EQ(listener.heard.size(), 1u);
      EXPECT_EQ(listener.heard[0].first + listener.rest, value.substr(0, size));
    }
  }
}

TEST(ProtobufFieldsTest, ComparesNumbersAsAWhole) {
  EXPECT_THAT(ReadWhole({{1}, {2, 1}}, Varint(256 + 1, 5) + Delimited(2, Varint(256 + 1, 5))), IsEmpty());
}

TEST(ProtobufFieldsTest, GoesAsDeepAsAPathIsLong) {
  FieldPath path;
  path.fill(1);
  std::string nest = Varint(1, 5);
  for (size_t depth = 1; depth < path.size(); ++depth) nest = Delimited(1, nest);
  EXPECT_THAT(ReadWhole({path}, nest), ElementsAre(Heard{0, 5, ""}));
  EXPECT_THAT(ReadWhole({path}, Delimited(1, nest)), ElementsAre(Heard{0, 2, Varint(1, 5)})) << "one deeper";
}

TEST(ProtobufFieldsTest, TellsOfAMessageThatItGoesIntoAsItBegins) {
  EXPECT_THAT(ReadWhole({{2}, {2, 1}}, Delimited(2, Varint(1, 7)) + Delimited(2, "") + Varint(2, 9)),
              ElementsAre(Heard{0, 2, ""}, Heard{1, 7, ""}, Heard{0, 0, ""}, Heard{0, 9, ""}));
}

TEST(ProtobufFieldsTest, ANestOfAThousandIsSkipped) {
  std::string nest;
  for (int i = 0; i < 1'000; ++i) nest = Delimited(9, nest);
  EXPECT_THAT(ReadWhole({{1}, {9, 1}}, nest + Varint(1, 5)), ElementsAre(Heard{0, 5, ""}));
}

TEST(ProtobufFieldsTest, AFieldOfAnotherTypeThanThePathGoesIntoIsSkipped) {
  EXPECT_THAT(ReadWhole({{2, 1}}, Varint(2, 5) + Fixed64(2, 1)), IsEmpty());
}

TEST(ProtobufFieldsTest, WhatIsCutIsNotWhole) {
  const std::string message = Delimited(2, Varint(1, 300)) + Delimited(1, "abc") + Fixed64(1, 1);
  for (size_t size = 1; size < message.size(); ++size) {
    const bool is_between_fields = size == Delimited(2, Varint(1, 300)).size() ||
                                   size == (Delimited(2, Varint(1, 300)) + Delimited(1, "abc")).size();
    if (!is_between_fields) ExpectBroken(message.substr(0, size));
  }
}

TEST(ProtobufFieldsTest, WhatIsNoProtobufBreaksIt) {
  ExpectBroken("\x0b");                                           // a group
  ExpectBroken("\x07");                                           // a wire type that is none
  ExpectBroken(std::string("\0\0", 2));                           // field 0
  ExpectBroken(std::string(20, '\xff'));                          // a tag without an end
  ExpectBroken("\x08" + std::string(10, '\x80') + "\1");          // a varint of eleven bytes
  ExpectBroken("\x12\x02\x08\x80\x01");                           // a varint that leaves its message
  ExpectBroken("\x12\x03\x0a\x09zz");                             // a length that leaves its message
  ExpectBroken("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x");  // a length of 2^64 - 1
}

TEST(ProtobufFieldsTest, ReadsTheNextMessageAfterABrokenOne) {
  Listener listener;
  const std::vector<FieldPath> table = {{1}};
  ProtobufFields fields(&table, &listener);
  fields.Feed("\x0b\x08\x05");
  EXPECT_FALSE(fields.Finish());
  fields.Feed(Delimited(1, "cut").substr(0, 3));
  EXPECT_FALSE(fields.Finish());
  fields.Feed(Varint(1, 6));
  EXPECT_TRUE(fields.Finish());
  EXPECT_THAT(listener.heard, ElementsAre(Heard{0, 6, ""}));
}

// What protobuf's own library wrote.
TEST(ProtobufFieldsTest, AgreesWithProtobuf) {
  std::mt19937 random(RandomSeed());
  const auto below = [&](uint64_t bound) { return random() % bound; };
  for (int i = 0; i < 200; ++i) {
    v1::Batch batch;
    std::vector<Heard> expected;
    batch.set_node(std::string(below(600), 'n'));
    if (!batch.node().empty()) {
      expected.push_back({0, batch.node().size(), batch.node().substr(0, ProtobufFields::kShownBytes)});
    }
    batch.set_epoch(random());
    expected.push_back({1, batch.epoch(), ""});
    for (uint64_t j = below(4); j > 0; --j) {
      v1::Node* const node = batch.add_nodes();
      node->set_country("FRA");
      node->set_memory_bytes(random());
      for (uint64_t k = below(3); k > 0; --k) {
        v1::Accelerator* const accelerator = node->add_accelerators();
        accelerator->set_model(std::string(below(20), 'm'));
        accelerator->set_tdp_watts(static_cast<uint32_t>(1 + below(1'000)));
      }
    }
    for (const v1::Node& node : batch.nodes()) {
      expected.push_back({2, node.memory_bytes(), ""});
      for (const v1::Accelerator& accelerator : node.accelerators()) {
        expected.push_back({3, accelerator.tdp_watts(), ""});
      }
    }
    EXPECT_EQ(ReadWhole({{2}, {3}, {16, 7}, {16, 8, 3}}, batch.SerializeAsString()), expected);
  }
}

}  // namespace
}  // namespace fedcarbon::node
