// Random facts through builder and reader, and random bytes into the reader. Each test prints its seed.
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fedcarbon/report/batch_builder.h"
#include "fedcarbon/report/batch_reader.h"
#include "tests/unit/random_seed.h"
#include "tests/unit/report/random_facts.h"

namespace fedcarbon {
namespace {

using testing::AllFacts;
using testing::RandomFacts;
using testing::Same;

const BatchId kRandomId{"hospital-a.example", 0x1122334455667788, 7};

SealTime SealedNow() {
  return {absl::FromUnixMicros(1'790'000'000'123'456), absl::Hours(3),
          "6fb2f0a4-4d4b-4b4c-8a3e-0d7c7c0d5a11"};
}

TEST(BatchPropertyTest, EveryFactAddedComesBackEqualWithinTheSizeLimit) {
  const uint64_t first_seed = RandomSeed();
  for (uint64_t seed = first_seed; seed < first_seed + 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    RandomFacts random(seed);
    const size_t max_bytes = 1'000 + random.Below(kMaxSealedBatchBytes - 1'000 + 1);
    BatchBuilder builder(max_bytes);
    std::vector<Fact> added;
    for (Fact fact = random.Next(); builder.Add(fact); fact = random.Next()) added.push_back(fact);
    ASSERT_FALSE(added.empty());

    const std::string sealed = builder.Seal(kRandomId, SealedNow());
    EXPECT_LE(sealed.size(), max_bytes);
    EXPECT_TRUE(builder.empty());
    const auto opened = OpenSealedBatch(sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->id(), kRandomId);
    EXPECT_FALSE(opened->is_signed);

    std::vector<Fact> read = AllFacts(*opened);
    EXPECT_EQ(read.size(), added.size());
    for (const Fact& fact : added) {
      const auto found = std::find_if(read.begin(), read.end(), [&](const Fact& f) { return Same(f, fact); });
      ASSERT_NE(found, read.end()) << "a fact of kind " << fact.index() << " did not come back";
      std::iter_swap(found, read.end() - 1);
      read.pop_back();
    }
  }
}

TEST(BatchPropertyTest, NoKindOfFactExceedsTheSizeLimitHoweverFarItsTimes) {
  const absl::Time first = absl::FromUnixMicros(-(int64_t{1} << 54) + 1);
  const absl::Time last = absl::FromUnixMicros((int64_t{1} << 54) - 1);
  Transfer transfer;
  transfer.start = first;
  Gap gap;
  gap.from = gap.to = first;
  Connection connection;
  connection.start = first;
  const Fact kinds[] = {
      transfer,
      gap,
      connection,
      Span{v1::SPAN_KIND_OTHER, {}, first, {}, v1::OUTCOME_COMPLETED},
      Usage{v1::SPAN_KIND_OTHER, {}, first, {}, {}, {}},
      RunEvent{"", first, v1::OUTCOME_COMPLETED, "", 0},
      RoundEvent{"", 0, first, v1::OUTCOME_COMPLETED},
      ClockReading{first, {}, {}},
      Overhead{first, {}, {}, {}, {}},
  };
  for (const Fact& fact : kinds) {
    SCOPED_TRACE(::testing::Message() << "kind " << fact.index());
    BatchBuilder builder(kMaxSealedBatchBytes);
    size_t count = 0;
    while (builder.Add(fact)) ++count;
    const std::string sealed = builder.Seal(kRandomId, {last, absl::Hours(3), "boot"});
    EXPECT_LE(sealed.size(), kMaxSealedBatchBytes);
    const auto opened = OpenSealedBatch(sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    const std::vector<Fact> read = AllFacts(*opened);
    EXPECT_EQ(read.size(), count);
  }
}

TEST(BatchPropertyTest, DamagedBytesAreRefusedOrReadWithoutCrash) {
  const google::protobuf::LogSilencer quiet;  // it would tell of each invalid text
  RandomFacts random(RandomSeed());
  BatchBuilder builder(2'000);
  while (builder.Add(random.Next())) {
  }
  const std::string sealed = builder.Seal(kRandomId, SealedNow());
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(OpenSealedBatch(sealed.substr(0, size)).ok()) << "cut at " << size;
  }
  int still_well_formed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = sealed;
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
      damaged[random.Below(damaged.size())] = static_cast<char>(random.Below(256));
    }
    const auto opened = OpenSealedBatch(damaged);
    if (!opened.ok()) continue;
    ++still_well_formed;
    AllFacts(*opened);
    CountUnknownFields(opened->batch);
  }
  EXPECT_GT(still_well_formed, 0);
}

TEST(BatchPropertyTest, RandomBytesAreRefusedOrReadWithoutCrash) {
  const google::protobuf::LogSilencer quiet;  // it would tell of each invalid text
  RandomFacts random(RandomSeed());
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes(random.Below(300), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
    if (const auto opened = OpenSealedBatch(bytes); opened.ok()) AllFacts(*opened);
    // The same as content of a well-formed envelope, so that the inner reader sees it.
    v1::SealedBatch envelope;
    envelope.set_batch(bytes);
    if (const auto opened = OpenSealedBatch(envelope.SerializeAsString()); opened.ok()) AllFacts(*opened);
  }
}

}  // namespace
}  // namespace fedcarbon
