#include "fedcarbon/report/sealer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/unit/report/random_facts.h"

namespace fedcarbon {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kEpoch = 0xabc;
const absl::Time kStart = absl::FromUnixSeconds(1'790'000'000);

Transfer TransferOf(const std::string& method) {
  Transfer transfer;
  transfer.method = method;
  transfer.start = kStart;
  return transfer;
}

class SealerTest : public ::testing::Test {
 protected:
  SealerTest() : clock_(kStart) {}

  Sealer NewSealer(BatchQueue* queue, const std::string& keep = "") {
    return Sealer({"hospital-a", kEpoch, 2'000, keep}, queue, &clock_);
  }

  /// All facts in the queue, in its order.
  static std::vector<Fact> FactsIn(const BatchQueue& queue) {
    std::vector<Fact> facts;
    for (uint64_t sequence = queue.oldest(); sequence < queue.next(); ++sequence) {
      const auto opened = OpenSealedBatch(*queue.Read(sequence));
      EXPECT_TRUE(opened.ok()) << opened.status();
      EXPECT_EQ(opened->id().sequence, sequence);
      for (Fact& fact : testing::AllFacts(*opened)) facts.push_back(std::move(fact));
    }
    return facts;
  }

  template <typename Kind>
  static std::vector<Kind> Of(const std::vector<Fact>& facts) {
    std::vector<Kind> found;
    for (const Fact& fact : facts) {
      if (const auto* held = std::get_if<Kind>(&fact)) found.push_back(*held);
    }
    return found;
  }

  ManualClock clock_;
};

TEST_F(SealerTest, FactsThatFillSeveralBatchesAllArriveInOrder) {
  MemoryBatchQueue queue(Bytes(1'000'000));
  Sealer sealer = NewSealer(&queue);
  for (uint64_t i = 1; i <= 1'000; ++i) {
    Transfer transfer = TransferOf("/m");
    transfer.call_id = i;
    sealer.Add(transfer);
  }
  sealer.Seal();
  EXPECT_TRUE(sealer.empty());
  const std::vector<Transfer> transfers = Of<Transfer>(FactsIn(queue));
  ASSERT_THAT(transfers, SizeIs(1'000));
  for (uint64_t i = 0; i < 1'000; ++i) ASSERT_EQ(transfers[i].call_id, i + 1);
  EXPECT_GT(queue.next(), 10u);
}

TEST_F(SealerTest, NothingRecordedSealsNothing) {
  MemoryBatchQueue queue(Bytes(1'000'000));
  Sealer sealer = NewSealer(&queue);
  sealer.Seal();
  EXPECT_EQ(queue.next(), 1u);
}

TEST_F(SealerTest, AThousandMethodsAreNamedAndFurtherOnesAreOther) {
  MemoryBatchQueue queue(Bytes(10'000'000));
  Sealer sealer = NewSealer(&queue);
  for (int i = 0; i < 10'000; ++i) sealer.Add(TransferOf("/method" + std::to_string(i)));
  sealer.Add(TransferOf("/method0"));
  sealer.Seal();
  std::set<std::string> names;
  uint64_t others = 0;
  const std::vector<Transfer> transfers = Of<Transfer>(FactsIn(queue));
  for (const Transfer& transfer : transfers) {
    names.insert(transfer.method);
    if (transfer.method == kOtherMethod) ++others;
  }
  EXPECT_EQ(names.size(), kMaxMethods + 1);
  EXPECT_EQ(names.count("/method999"), 1u);
  EXPECT_EQ(names.count("/method1000"), 0u);
  EXPECT_EQ(others, 9'000u);
  EXPECT_EQ(transfers.back().method, "/method0");
}

TEST_F(SealerTest, WhatAFullQueueRefusesIsAGapWithTheExactNumberOfFacts) {
  MemoryBatchQueue queue(Bytes(10'000));
  Sealer sealer = NewSealer(&queue);
  constexpr uint64_t kRecorded = 2'000;
  for (uint64_t i = 0; i < kRecorded; ++i) {
    sealer.Add(TransferOf("/m"));
    clock_.Advance(absl::Milliseconds(1));
  }
  sealer.Seal();
  EXPECT_FALSE(sealer.empty()) << "the gap waits";
  std::vector<Fact> facts = FactsIn(queue);
  const uint64_t kept = facts.size();
  EXPECT_LT(kept, kRecorded);
  const uint64_t last = queue.next() - 1;
  queue.Free(last);
  sealer.Add(TransferOf("/after"));
  sealer.Seal();
  EXPECT_TRUE(sealer.empty());
  EXPECT_EQ(queue.oldest(), last + 1) << "no hole in the sequence";
  facts = FactsIn(queue);
  ASSERT_THAT(Of<Transfer>(facts), SizeIs(1));
  const std::vector<Gap> gaps = Of<Gap>(facts);
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].reason, v1::Gap::REASON_QUEUE_FULL);
  EXPECT_EQ(gaps[0].facts, kRecorded - kept);
  EXPECT_EQ(gaps[0].from, kStart + absl::Milliseconds(kept));
  EXPECT_EQ(gaps[0].to, kStart + absl::Milliseconds(kRecorded));
}

TEST_F(SealerTest, QueueTakesWhatFitsToTheByteAndRefusesOneMore) {
  MemoryBatchQueue queue(Bytes(100));
  EXPECT_TRUE(queue.Append(std::string(60, 'a')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(queue.Append(std::string(41, 'b'))));
  EXPECT_EQ(queue.next(), 2u);
  EXPECT_TRUE(queue.Append(std::string(40, 'c')).ok());
  EXPECT_EQ(*queue.Read(2), std::string(40, 'c'));
  queue.Free(1);
  EXPECT_EQ(queue.oldest(), 2u);
  EXPECT_TRUE(absl::IsNotFound(queue.Read(1).status()));
  EXPECT_TRUE(absl::IsNotFound(queue.Read(3).status()));
  EXPECT_TRUE(queue.Append(std::string(60, 'd')).ok());
  queue.Free(3);
  EXPECT_EQ(queue.oldest(), 4u);
  EXPECT_EQ(queue.next(), 4u);
}

TEST(SealerDeathTest, WhatWasNeverSealedCannotBeFreed) {
  MemoryBatchQueue queue(Bytes(100));
  EXPECT_TRUE(queue.Append("a").ok());
  EXPECT_DEATH(queue.Free(2), "watermark < next");
}

TEST_F(SealerTest, DescriptionLostWithAFullQueueIsToldAgain) {
  MemoryBatchQueue queue(Bytes(1'000));
  ASSERT_TRUE(queue.Append(std::string(1'000, 'x')).ok());
  Sealer sealer = NewSealer(&queue);
  v1::Node node;
  node.set_country("HUN");
  sealer.Add(node);
  sealer.Seal();
  queue.Free(1);
  sealer.Add(TransferOf("/m"));
  sealer.Seal();
  const std::vector<v1::Node> nodes = Of<v1::Node>(FactsIn(queue));
  ASSERT_THAT(nodes, SizeIs(1));
  EXPECT_EQ(nodes[0].country(), "HUN");
  queue.Free(2);
  sealer.Add(TransferOf("/m"));
  sealer.Seal();
  EXPECT_THAT(Of<v1::Node>(FactsIn(queue)), IsEmpty()) << "once is enough";
}

TEST_F(SealerTest, FactThatFitsNoBatchIsAnOversizeGap) {
  MemoryBatchQueue queue(Bytes(1'000'000));
  Sealer sealer = NewSealer(&queue);
  v1::Node node;
  for (int i = 0; i < 20; ++i) node.add_accelerators()->set_model(std::string(200, 'm'));
  sealer.Add(node);
  sealer.Add(TransferOf("/m"));
  sealer.Seal();
  const std::vector<Fact> facts = FactsIn(queue);
  ASSERT_THAT(Of<Gap>(facts), SizeIs(1));
  EXPECT_EQ(Of<Gap>(facts)[0].reason, v1::Gap::REASON_OVERSIZE);
  EXPECT_EQ(Of<Gap>(facts)[0].facts, 1u);
  EXPECT_THAT(Of<Transfer>(facts), SizeIs(1));
}

TEST_F(SealerTest, FactsLostBeforeAreCountedTogether) {
  MemoryBatchQueue queue(Bytes(1'000'000));
  Sealer sealer = NewSealer(&queue);
  sealer.CountLost(0, kStart, "too fast");
  EXPECT_TRUE(sealer.empty());
  sealer.CountLost(3, kStart - absl::Seconds(1), "too fast");
  sealer.CountLost(4, kStart, "too fast");
  sealer.Seal();
  const std::vector<Gap> gaps = Of<Gap>(FactsIn(queue));
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].facts, 7u);
  EXPECT_EQ(gaps[0].from, kStart - absl::Seconds(1));
}

class KeepTest : public SealerTest {
 protected:
  KeepTest() : directory_(::testing::TempDir() + "/fedcarbon-keep-" + std::to_string(getpid())) {
    std::filesystem::create_directory(directory_);
  }
  ~KeepTest() override { std::filesystem::remove_all(directory_); }
  const std::string directory_;
};

TEST_F(KeepTest, EachBatchIsAlsoAFileOfItsVeryBytes) {
  MemoryBatchQueue queue(Bytes(1'000'000));
  Sealer sealer = NewSealer(&queue, directory_);
  for (int i = 1; i <= 2; ++i) {
    sealer.Add(TransferOf("/m"));
    sealer.Seal();
    const std::string path = directory_ + "/hospital-a-0000000000000abc-" + std::to_string(i) + ".batch";
    std::ifstream file(path, std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), *queue.Read(static_cast<uint64_t>(i)));
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
  const auto files = std::filesystem::directory_iterator(directory_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 2);
}

TEST_F(KeepTest, DirectoryThatIsGoneHurtsNothing) {
  MemoryBatchQueue queue(Bytes(1'000'000));
  Sealer sealer = NewSealer(&queue, directory_ + "/gone");
  sealer.Add(TransferOf("/m"));
  sealer.Seal();
  EXPECT_EQ(queue.next(), 2u);
}

}  // namespace
}  // namespace fedcarbon
