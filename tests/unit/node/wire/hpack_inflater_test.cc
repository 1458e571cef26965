#include "node/wire/hpack_inflater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/node/wire/http2_frames.h"
#include "tests/unit/random_seed.h"

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
    const char* const why = inflater->Finish();
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

TEST_F(HpackInflaterTest, TheSameBytesMeanAnotherThingOnceTheTableHasChanged) {
  HpackInflater inflater = New();
  const auto added = [](const std::string& value) {  // a literal with indexing, RFC 7541, 6.2.1
    return std::string("\x40\x05:path") + static_cast<char>(value.size()) + value;
  };
  const std::string newest = "\xbe";  // index 62
  for (const std::string path : {"/a", "/b", "/b", "/c"}) {
    ASSERT_EQ(Inflate(&inflater, added(path)), "");
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(Inflate(&inflater, newest), "");
      EXPECT_THAT(inflater.block().fields, ElementsAre(Pair(":path", path)));
      EXPECT_EQ(inflater.block().bytes, Bytes(1));
    }
  }
  ASSERT_EQ(Inflate(&inflater, newest), "");
  ASSERT_EQ(Inflate(&inflater, "\x20\x3f\xe1\x1f" + added("/d")), "") << "the table is emptied first";
  ASSERT_EQ(Inflate(&inflater, newest), "");
  EXPECT_THAT(inflater.block().fields, ElementsAre(Pair(":path", "/d")));
}

TEST_F(HpackInflaterTest, ABlockThatBeginsLikeAKnownOneIsReadToItsEnd) {
  const std::string known = "\x82\x84";  // GET, /
  HpackInflater inflater = New();
  for (int i = 0; i < 2; ++i) ASSERT_EQ(Inflate(&inflater, known), "");
  ASSERT_EQ(Inflate(&inflater, known + "\x89", 2), "");  // 204
  EXPECT_EQ(inflater.block().bytes, Bytes(3));
  EXPECT_THAT(inflater.block().fields,
              ElementsAre(Pair(":method", "GET"), Pair(":path", "/"), Pair(":status", "204")));
  ASSERT_EQ(Inflate(&inflater, known, 1), "");
  EXPECT_THAT(inflater.block().fields, ElementsAre(Pair(":method", "GET"), Pair(":path", "/")));
  EXPECT_THAT(Inflate(&inflater, known + "\xff\x7f", 2), HasSubstr("cannot be decoded"));
}

/// nghttp2's inflater, which reads every block.
class Reference {
 public:
  Reference() { nghttp2_hd_inflate_new(&inflater_); }
  ~Reference() { nghttp2_hd_inflate_del(inflater_); }

  size_t entries() const { return nghttp2_hd_inflate_get_num_table_entries(inflater_); }

  /// The watched fields; nothing if the block is broken.
  std::optional<Fields> Inflate(std::string_view block) {
    Fields fields;
    const auto* in = reinterpret_cast<const uint8_t*>(block.data());
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      const auto left =
          static_cast<size_t>(reinterpret_cast<const uint8_t*>(block.data() + block.size()) - in);
      nghttp2_nv field;
      flags = 0;
      const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in, left, 1);
      if (taken < 0) return std::nullopt;
      in += taken;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
      const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
      if (!HeaderNames::Standard().Contains(name)) continue;
      fields.emplace_back(name, std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return fields;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

/// One field in one of HPACK's representations, for a table of so many entries.
std::string RandomField(size_t entries, std::mt19937* random) {
  const auto below = [&](size_t bound) { return (*random)() % bound; };
  const size_t size = below(30);
  const std::string value = static_cast<char>(size) + std::string(size, 'v');
  const size_t newer = entries > 61 ? 62 + below(std::min<size_t>(entries - 61, 60)) : 1 + below(61);
  switch (below(5)) {
    case 0:
      return "\x40\x05:path" + value;  // with indexing
    case 1:
      return static_cast<char>(1 + below(14)) + value;  // without, by the index of its name
    case 2:
      return std::string(1, '\x10') + "\x0bgrpc-status" + value;  // never
    case 3:
      return std::string(1, '\0') + "\x0bgrpc-status" + value;
    default:
      return std::string(1, static_cast<char>(0x80 | newer));
  }
}

TEST_F(HpackInflaterTest, RepeatedBlocksAreReadAsIfTheyWereNew) {
  std::mt19937 random(RandomSeed());
  for (int connection = 0; connection < 50; ++connection) {
    HpackInflater inflater = New();
    Reference reference;
    std::vector<std::string> blocks = {"\x82"};
    for (int i = 0; i < 200; ++i) {
      if (random() % 2 == 0) {
        blocks.push_back(blocks[random() % blocks.size()]);
      } else {
        blocks.emplace_back();
        for (size_t fields = 1 + random() % 3; fields > 0; --fields)
          blocks.back() += RandomField(reference.entries(), &random);
      }
      const std::string& block = blocks.back();
      const std::optional<Fields> expected = reference.Inflate(block);
      ASSERT_EQ(Inflate(&inflater, block, 1 + random() % (block.size() + 5)) == "", expected.has_value());
      if (!expected.has_value()) break;
      ASSERT_EQ(inflater.block().fields, *expected) << "block " << i << " of connection " << connection;
      ASSERT_EQ(inflater.block().bytes, Bytes(block.size()));
    }
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

TEST_F(HpackInflaterTest, WhatIsWrongFirstIsTheReasonInAnySplit) {
  const std::string begin = Encoder().Encode({{"x", std::string(97, '\xff')}});
  const std::string broken = "\xbf";  // an entry that the table does not have
  for (const size_t room : {0, 1}) {
    limits_.header_block = Bytes(begin.size() + room);
    for (const size_t step : {1, 7, 1'000}) {
      HpackInflater inflater = New();
      EXPECT_THAT(Inflate(&inflater, begin + broken + begin, step),
                  HasSubstr(room == 0 ? "above the limit" : "cannot be decoded"));
    }
  }
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
