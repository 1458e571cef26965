#include "node/wire/hpack_inflater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/node/wire/http2_frames.h"

namespace fedcarbon::node {
namespace {

using ::testing::ElementsAre;
using testing::Encoder;
using testing::Fields;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class HpackInflaterTest : public ::testing::Test {
 protected:
  /// The block in pieces of `step` bytes; why it failed, or "".
  static std::string Inflate(HpackInflater* inflater, std::string_view block, size_t step = 1'000'000) {
    for (; !block.empty(); block.remove_prefix(std::min(step, block.size()))) {
      if (const char* why = inflater->Take(block.substr(0, step))) return why;
    }
    const char* const why = inflater->End();
    return why == nullptr ? "" : why;
  }

  HpackInflater New() { return {&HeaderNames::Standard(), &limits_}; }

  WireLimits limits_;
};

const Fields kRequest = {{":method", "POST"},          {":scheme", "http"},
                         {":path", "/a.B/C"},          {":authority", "example:443"},
                         {"te", "trailers"},           {"content-type", "application/grpc"},
                         {"user-agent", "grpc-c++/1"}, {"x-secret", "not for us"}};

TEST_F(HpackInflaterTest, KeepsTheWatchedFieldsInOrderAndCountsTheBlock) {
  Encoder encoder;
  HpackInflater inflater = New();
  for (int i = 0; i < 3; ++i) {  // literal first, then out of the table
    const std::string block = encoder.Encode(kRequest);
    ASSERT_EQ(Inflate(&inflater, block), "");
    EXPECT_EQ(inflater.block().bytes, Bytes(block.size()));
    EXPECT_THAT(inflater.block().fields, ElementsAre(Pair(":method", "POST"), Pair(":path", "/a.B/C"),
                                                     Pair("content-type", "application/grpc")));
  }
}

TEST_F(HpackInflaterTest, NothingOfTheBlockBeforeStays) {
  Encoder encoder;
  HpackInflater inflater = New();
  ASSERT_EQ(Inflate(&inflater, encoder.Encode(kRequest)), "");
  ASSERT_EQ(Inflate(&inflater, encoder.Encode({{"grpc-status", "0"}})), "");
  EXPECT_THAT(inflater.block().fields, ElementsAre(Pair("grpc-status", "0")));
  ASSERT_EQ(Inflate(&inflater, ""), "");
  EXPECT_THAT(inflater.block().fields, IsEmpty());
  EXPECT_EQ(inflater.block().bytes, Bytes(0));
}

TEST_F(HpackInflaterTest, DuplicatesAndRawBinaryValuesPassAsTheyAre) {
  const std::string raw("\0raw\r\n\xff\x80", 8);
  Encoder encoder;
  HpackInflater inflater = New();
  ASSERT_EQ(Inflate(&inflater, encoder.Encode({{"fedcarbon-bin", raw}, {"te", ""}, {"fedcarbon-bin", ""}})),
            "");
  EXPECT_THAT(inflater.block().fields, ElementsAre(Pair("fedcarbon-bin", raw), Pair("fedcarbon-bin", "")));
}

TEST_F(HpackInflaterTest, AnySplitGivesTheSame) {
  Encoder encoder;
  HpackInflater inflater = New();
  for (size_t step = 1; step < 40; ++step) {
    const std::string path = "/split/" + std::string(step * 7, 'p');
    const std::string block = encoder.Encode({{":path", path}, {"x-other", path}, {"grpc-status", "13"}});
    ASSERT_EQ(Inflate(&inflater, block, step), "");
    EXPECT_EQ(inflater.block().bytes, Bytes(block.size()));
    EXPECT_THAT(inflater.block().fields, ElementsAre(Pair(":path", path), Pair("grpc-status", "13")));
  }
}

TEST_F(HpackInflaterTest, TheTableMayChangeItsSizeAtAnyBlockUpToTheLimit) {
  limits_.header_table = Bytes(100'000);
  Encoder encoder(100'001);
  HpackInflater inflater = New();
  for (const size_t size : {100'000, 0, 4'096, 31, 70'000, 100'000}) {
    encoder.ResizeTable(size);
    for (int i = 0; i < 300; ++i) {
      const std::string path = "/path/" + std::to_string(i % 150) + std::string(400, 'p');
      ASSERT_EQ(Inflate(&inflater, encoder.Encode({{":path", path}})), "");
      ASSERT_THAT(inflater.block().fields, ElementsAre(Pair(":path", path)));
    }
  }
  encoder.ResizeTable(100'001);
  EXPECT_THAT(Inflate(&inflater, encoder.Encode({{":path", "/"}})), HasSubstr("cannot be decoded"));
}

TEST_F(HpackInflaterTest, TheTableThatEveryPeerMayUseIsAlwaysAllowed) {
  limits_.header_table = Bytes(0);
  Encoder encoder;
  HpackInflater inflater = New();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Inflate(&inflater, encoder.Encode(kRequest)), "");
}

TEST_F(HpackInflaterTest, ABlockMayBeAsLongAsTheLimit) {
  Encoder encoder;
  const std::string block = encoder.Encode({{"x", std::string(2'000, '\xff')}});
  limits_.header_block = Bytes(block.size());
  HpackInflater inflater = New();
  ASSERT_EQ(Inflate(&inflater, block, 100), "");
  ASSERT_EQ(Inflate(&inflater, encoder.Encode({{"x", std::string(2'000, '\xff')}})), "") << "counted anew";

  limits_.header_block = Bytes(block.size() - 1);
  HpackInflater shorter = New();
  EXPECT_THAT(Inflate(&shorter, block, 100), HasSubstr("above the limit"));
}

TEST_F(HpackInflaterTest, FewBytesCannotBecomeManyKeptOnes) {
  Encoder encoder;
  const std::string type(1'000, 't');  // 1,044 with name and overhead
  limits_.header_block = Bytes(3 * 1'044);
  HpackInflater inflater = New();
  ASSERT_EQ(Inflate(&inflater, encoder.Encode({{"content-type", type}})), "");
  const std::string indexed = encoder.Encode({{"content-type", type}});
  ASSERT_EQ(indexed.size(), 1u) << "an entry of the table";
  ASSERT_EQ(Inflate(&inflater, indexed + indexed + indexed), "");
  EXPECT_EQ(inflater.block().fields.size(), 3u);
  EXPECT_THAT(Inflate(&inflater, indexed + indexed + indexed + indexed), HasSubstr("above the limit"));
}

TEST_F(HpackInflaterTest, AValueMayHave65535Bytes) {
  Encoder encoder;
  HpackInflater inflater = New();
  // 'a' is 5 bits in Huffman's code, and nghttp2 takes the shorter form.
  ASSERT_EQ(Inflate(&inflater, encoder.Encode({{":path", std::string(60'000, 'a')}})), "");
  ASSERT_EQ(inflater.block().Get(":path").size(), 60'000u);
  EXPECT_THAT(Inflate(&inflater, encoder.Encode({{":path", std::string(65'537, '\xff')}})),
              HasSubstr("cannot be decoded"));
}

TEST_F(HpackInflaterTest, ABlockThatStopsInsideAFieldIsBroken) {
  const std::string block = Encoder().Encode({{":path", "/a/long/path"}});
  for (size_t size = 1; size < block.size(); ++size) {
    HpackInflater inflater = New();
    EXPECT_THAT(Inflate(&inflater, block.substr(0, size)), HasSubstr("cannot be decoded"));
  }
}

TEST_F(HpackInflaterTest, AnIndexThatIsNotThereIsBroken) {
  HpackInflater inflater = New();
  EXPECT_THAT(Inflate(&inflater, "\xbe"), HasSubstr("cannot be decoded"));
}

}  // namespace
}  // namespace fedcarbon::node
