#include "server/query/transfer_pairs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fedcarbon/report/batch_builder.h"

namespace fedcarbon::server {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'717'243'200);
constexpr char kMethod[] = "/demo.Training/Fit";

Transfer Call(uint64_t call_id, v1::End end, const RoundId& round, uint64_t sent, uint64_t received) {
  Transfer transfer;
  transfer.call_id = call_id;
  transfer.end = end;
  transfer.observer = v1::OBSERVER_INTERCEPTOR;
  transfer.peer = end == v1::END_CLIENT ? "server" : "client";
  transfer.method = kMethod;
  transfer.round = round;
  transfer.start = kStart + absl::Seconds(call_id);
  transfer.duration = absl::Milliseconds(20);
  transfer.status = 0;
  transfer.sent.messages = transfer.received.messages = 1;
  transfer.sent.kind = transfer.received.kind = v1::COUNT_KIND_SERIALIZED;
  transfer.sent.message_bytes = Bytes(sent);
  transfer.received.message_bytes = Bytes(received);
  return transfer;
}

OpenedBatch Batch(const std::string& node, const std::vector<Fact>& facts) {
  BatchBuilder builder(kMaxSealedBatchBytes);
  for (const Fact& fact : facts) EXPECT_TRUE(builder.Add(fact));
  return OpenSealedBatch(
             builder.Seal({node, node == "client" ? 1u : 2u, 1}, {kStart, absl::Hours(1), "boot"}))
      .value();
}

class TransferPairsTest : public ::testing::Test {
 protected:
  TransferPairs Pairs(size_t window = 10) {
    return TransferPairs(window, [this](const v1::TransferPair& pair) {
      emitted_.push_back(pair);
      return true;
    });
  }
  std::vector<v1::TransferPair> emitted_;
};

TEST_F(TransferPairsTest, BothEndsOfACallComeOutTogetherByStart) {
  TransferPairs pairs = Pairs();
  pairs.Add(
      Batch("client", {Call(2, v1::END_CLIENT, {"r", 0}, 100, 7), Call(1, v1::END_CLIENT, {"r", 0}, 50, 8)}));
  pairs.Add(
      Batch("server", {Call(1, v1::END_SERVER, {"r", 0}, 8, 50), Call(2, v1::END_SERVER, {"r", 0}, 7, 99)}));
  pairs.Flush();
  ASSERT_EQ(emitted_.size(), 2u);
  EXPECT_EQ(emitted_[0].call_id(), 1u);
  EXPECT_EQ(emitted_[0].client(), "client");
  EXPECT_EQ(emitted_[0].server(), "server");
  EXPECT_EQ(emitted_[0].method(), kMethod);
  EXPECT_TRUE(emitted_[0].has_round());
  EXPECT_EQ(emitted_[0].client_entry().sent_message_bytes(), 50u);
  EXPECT_EQ(emitted_[0].server_entry().received_message_bytes(), 50u);
  EXPECT_TRUE(emitted_[0].client_entry().unsigned_batch());
  EXPECT_FALSE(emitted_[0].disagreement());
  EXPECT_TRUE(emitted_[1].disagreement());
}

TEST_F(TransferPairsTest, OneEndAloneAndUnansweredIsUnconfirmed) {
  Transfer call = Call(1, v1::END_CLIENT, {"r", 1}, 100'000, 0);
  call.answered = false;
  call.status = 14;
  TransferPairs pairs = Pairs();
  pairs.Add(Batch("client", {call}));
  pairs.Flush();
  ASSERT_EQ(emitted_.size(), 1u);
  EXPECT_TRUE(emitted_[0].unconfirmed());
  EXPECT_FALSE(emitted_[0].has_server_entry());
  EXPECT_EQ(emitted_[0].client_entry().status(), 15u);
}

TEST_F(TransferPairsTest, ARetryIsALineOfItsOwn) {
  Transfer first = Call(1, v1::END_SERVER, {"r", 1}, 0, 50);
  first.status = 14;
  Transfer second = Call(1, v1::END_SERVER, {"r", 1}, 8, 50);
  second.attempt = 1;
  TransferPairs pairs = Pairs();
  pairs.Add(Batch("server", {first, second}));
  pairs.Flush();
  ASSERT_EQ(emitted_.size(), 2u);
  EXPECT_EQ(emitted_[0].attempt() + emitted_[1].attempt(), 1u);
}

TEST_F(TransferPairsTest, ACallThatWasRetriedGoesWithItsHighestAttemptInAnyOrder) {
  Transfer failed = Call(1, v1::END_SERVER, {"r", 1}, 0, 20);
  failed.status = 14;
  Transfer succeeded = Call(1, v1::END_SERVER, {"r", 1}, 8, 50);
  succeeded.attempt = 1;
  const auto server = [&](const Transfer& transfer) { return Batch("server", {transfer}); };
  const OpenedBatch client = Batch("client", {Call(1, v1::END_CLIENT, {"r", 1}, 50, 8)});
  std::vector<OpenedBatch> batches = {server(failed), server(succeeded), client};
  std::vector<int> order = {0, 1, 2};
  do {
    emitted_.clear();
    TransferPairs pairs = Pairs();
    for (const int i : order) pairs.Add(batches[i]);
    pairs.Flush();
    ASSERT_EQ(emitted_.size(), 2u);
    for (const v1::TransferPair& pair : emitted_) {
      EXPECT_EQ(pair.has_client_entry(), pair.attempt() == 1);
      EXPECT_EQ(pair.server_entry().received_message_bytes(), pair.attempt() == 1 ? 50u : 20u);
      EXPECT_EQ(pair.client(), "client");
      EXPECT_EQ(pair.server(), "server");
      EXPECT_FALSE(pair.disagreement());
    }
    EXPECT_NE(emitted_[0].attempt(), emitted_[1].attempt());
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(TransferPairsTest, TheRequestsRoundCountsAndTheConflictIsMarked) {
  TransferPairs pairs = Pairs();
  pairs.Add(Batch("server", {Call(1, v1::END_SERVER, {"r", 4}, 8, 50)}));
  pairs.Add(Batch("client", {Call(1, v1::END_CLIENT, {"r", 3}, 50, 8)}));
  pairs.Flush();
  ASSERT_EQ(emitted_.size(), 1u);
  EXPECT_EQ(emitted_[0].round(), 3u);
  EXPECT_TRUE(emitted_[0].round_conflict());
}

TEST_F(TransferPairsTest, ABindingNamesTheRoundBeforeAndAfter) {
  Transfer before = Call(1, v1::END_CLIENT, {}, 50, 8);
  before.binding = 77;
  Transfer after = Call(2, v1::END_CLIENT, {}, 50, 8);
  after.binding = 77;
  TransferPairs pairs = Pairs();
  pairs.Add(Batch("client", {before}));
  pairs.Add(Batch("client", {Binding{77, {"r", 5}}}));
  pairs.Add(Batch("client", {after}));
  pairs.Flush();
  ASSERT_EQ(emitted_.size(), 2u);
  for (const v1::TransferPair& pair : emitted_) {
    EXPECT_EQ(pair.run(), "r");
    EXPECT_EQ(pair.round(), 5u);
  }
}

TEST_F(TransferPairsTest, AnEndWithinTheWindowIsPairedAndOnePastItIsNot) {
  for (const size_t window : {2, 1}) {
    emitted_.clear();
    TransferPairs pairs = Pairs(window);
    pairs.Add(Batch("client", {Call(1, v1::END_CLIENT, {"r", 1}, 50, 8)}));
    pairs.Add(Batch("client", {Call(2, v1::END_CLIENT, {"r", 1}, 50, 8)}));
    pairs.Add(Batch("server", {Call(1, v1::END_SERVER, {"r", 1}, 8, 50)}));
    pairs.Flush();
    EXPECT_EQ(emitted_.size(), window == 2 ? 2u : 3u);
  }
}

TEST_F(TransferPairsTest, ASecondObserverOfAnEndComesOutByItself) {
  Transfer proxy = Call(1, v1::END_CLIENT, {"r", 1}, 50, 8);
  proxy.observer = v1::OBSERVER_PROXY;
  TransferPairs pairs = Pairs();
  pairs.Add(Batch("client", {Call(1, v1::END_CLIENT, {"r", 1}, 50, 8), proxy}));
  pairs.Add(Batch("server", {Call(1, v1::END_SERVER, {"r", 1}, 8, 50)}));
  pairs.Flush();
  ASSERT_EQ(emitted_.size(), 2u);
  EXPECT_NE(emitted_[0].has_server_entry(), emitted_[1].has_server_entry());
}

TEST(TransferPairs, StopsWhenNoMoreIsWanted) {
  int emitted = 0;
  TransferPairs pairs(1, [&](const v1::TransferPair&) { return ++emitted < 1; });
  EXPECT_TRUE(pairs.Add(Batch("client", {Call(1, v1::END_CLIENT, {"r", 1}, 50, 8)})));
  EXPECT_FALSE(pairs.Add(Batch("client", {Call(2, v1::END_CLIENT, {"r", 1}, 50, 8)})));
  EXPECT_EQ(emitted, 1);
}

}  // namespace
}  // namespace fedcarbon::server
