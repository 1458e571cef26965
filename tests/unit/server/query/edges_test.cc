#include "server/query/edges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "tests/unit/random_seed.h"

namespace fedcarbon::server {
namespace {

constexpr bool kSender = true;
constexpr bool kReceiver = false;

EdgeObservation Observation(bool by_sender, uint64_t message_bytes,
                            v1::Observer observer = v1::OBSERVER_INTERCEPTOR, bool answered = true) {
  EdgeObservation observation;
  observation.by_sender = by_sender;
  observation.observer = observer;
  observation.answered = answered;
  observation.totals.transfers = 1;
  observation.totals.requests = 1;
  observation.totals.messages = 1;
  observation.totals.message = {1, Bytes(message_bytes)};
  return observation;
}

EdgeObservation Wasted(v1::Waste waste, EdgeObservation observation) {
  observation.waste = waste;
  return observation;
}

Bytes AllWaste(const CountedEdge& count) {
  Bytes sum;
  for (const WasteCount& waste : count.waste) sum += waste.counted;
  return sum;
}

CountedEdge CountOf(const std::vector<EdgeObservation>& observations, const TransportShares& transport = {}) {
  return CountEdge(MergeObservations(observations), transport);
}

TEST(Edges, EqualEndsCountOnce) {
  const CountedEdge count = CountOf({Observation(kSender, 1000), Observation(kReceiver, 1000)});
  EXPECT_EQ(count.calls, 1u);
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.counted, Bytes(1000 + 5 + 52));
  EXPECT_EQ(count.layer, v1::LAYER_MESSAGE);
  EXPECT_TRUE(count.modelled);
  EXPECT_EQ(count.disagreement, Bytes(0));
  EXPECT_EQ(count.cross_check, Bytes(0));
}

TEST(Edges, OneEndAloneCountsWithoutDisagreement) {
  const CountedEdge count = CountOf({Observation(kReceiver, 1000)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_FALSE(count.disagreement.has_value());
}

TEST(Edges, TheLargerEndCountsAndTheDifferenceIsShown) {
  const CountedEdge count = CountOf({Observation(kSender, 1000), Observation(kReceiver, 700)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.disagreement, Bytes(300));
}

TEST(Edges, UnansweredBytesStandApart) {
  const CountedEdge count =
      CountOf({Observation(kSender, 1000), Observation(kSender, 400, v1::OBSERVER_INTERCEPTOR, false)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.unconfirmed_message, Bytes(400));
  EXPECT_EQ(count.unconfirmed, Bytes(400 + 5 + 52));
}

TEST(Edges, ASecondObserverOfAnEndIsACrossCheckAndNeverAdded) {
  const CountedEdge count =
      CountOf({Observation(kSender, 1000), Observation(kSender, 990, v1::OBSERVER_PROXY)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.cross_check, Bytes(990));
  EXPECT_FALSE(count.disagreement.has_value());
}

TEST(Edges, TheOutermostLayerKnownIsPriced) {
  EdgeObservation proxy = Observation(kReceiver, 0, v1::OBSERVER_PROXY);
  proxy.totals.message = {};
  proxy.totals.encoded = {1, Bytes(300)};  // compressed
  const CountedEdge count = CountOf({Observation(kSender, 1000), proxy});
  EXPECT_EQ(count.layer, v1::LAYER_ENCODED);
  EXPECT_EQ(count.counted, Bytes(300 + 52));
  EXPECT_EQ(count.message, Bytes(1000));
}

TEST(Edges, ATransferOfUnknownSizeMakesALowerBound) {
  EdgeObservation observation = Observation(kSender, 1000);
  observation.totals.transfers = 2;
  EXPECT_TRUE(CountOf({observation}).at_least);
}

TEST(Edges, WhatRoundsHoldIsNotUnattributed) {
  const CountedEdge whole = CountOf({Observation(kSender, 1000), Observation(kReceiver, 1000)});
  EXPECT_EQ(Unattributed(whole, whole).message, Bytes(0));
  EXPECT_EQ(Unattributed(whole, CountOf({Observation(kSender, 600)})).message, Bytes(400));
  EXPECT_EQ(Unattributed(whole, CountOf({Observation(kSender, 1600)})).message, Bytes(0));
}

// Waste: a breakdown of what counts, never an addition.

TEST(Edges, WasteIsPartOfWhatCounts) {
  const CountedEdge count =
      CountOf({Observation(kSender, 1000), Wasted(v1::WASTE_REPEATED, Observation(kSender, 600)),
               Wasted(v1::WASTE_POLL, Observation(kSender, 10))});
  EXPECT_EQ(count.counted, Bytes(1610 + 3 * (5 + 52)));
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].counted, Bytes(600 + 5 + 52));
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].calls, 1u);
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].messages, 1u);
  EXPECT_EQ(count.waste[v1::WASTE_POLL].counted, Bytes(10 + 5 + 52));
  EXPECT_TRUE(count.waste[v1::WASTE_UNSPECIFIED].empty());
  EXPECT_TRUE(count.waste[v1::WASTE_FAILED].empty());
}

TEST(Edges, TheEndThatCountsIsChosenOverAllCategories) {
  const CountedEdge count =
      CountOf({Observation(kSender, 700), Wasted(v1::WASTE_REPEATED, Observation(kSender, 600)),
               Observation(kReceiver, 1000)});
  EXPECT_EQ(count.message, Bytes(1300));
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].counted, Bytes(600 + 5 + 52));
}

TEST(Edges, WasteThatOnlyTheOtherEndKnowsIsNotShown) {
  const CountedEdge count =
      CountOf({Wasted(v1::WASTE_REPEATED, Observation(kSender, 999)), Observation(kReceiver, 1000)});
  EXPECT_EQ(AllWaste(count), Bytes(0));
}

TEST(Edges, OfEndsThatCountTheSameTheOneThatKnowsOfMoreWasteIsShown) {
  const EdgeObservation all = Wasted(v1::WASTE_REPEATED, Observation(kReceiver, 1000));
  const EdgeObservation some = Wasted(v1::WASTE_POLL, Observation(kSender, 400));
  const CountedEdge count = CountOf({Observation(kSender, 600), some, all});
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].counted, Bytes(1000 + 5 + 52));
  EXPECT_TRUE(count.waste[v1::WASTE_POLL].empty());
}

TEST(Edges, WasteIsMeasuredAtTheLayerThatCounts) {
  EdgeObservation proxy = Observation(kReceiver, 0, v1::OBSERVER_PROXY);
  proxy.totals.message = {};
  proxy.totals.encoded = {1, Bytes(300)};
  const EdgeObservation interceptor = Wasted(v1::WASTE_REPEATED, Observation(kSender, 1000));
  EXPECT_EQ(AllWaste(CountOf({interceptor, proxy})), Bytes(0)) << "the proxy's bytes count";
  const CountedEdge count = CountOf({interceptor, Wasted(v1::WASTE_POLL, proxy)});
  EXPECT_EQ(count.waste[v1::WASTE_POLL].counted, Bytes(300 + 52));
  EXPECT_EQ(AllWaste(count), count.counted);
}

TEST(Edges, WasteThatWasNeverAnsweredIsNone) {
  EXPECT_EQ(
      AllWaste(CountOf({Wasted(v1::WASTE_FAILED, Observation(kSender, 400, v1::OBSERVER_PROXY, false))})),
      Bytes(0));
}

TEST(Edges, WasteOutsideTheRoundsIsAtMostWhatIsCountedThere) {
  const CountedEdge whole =
      CountOf({Observation(kSender, 1000), Wasted(v1::WASTE_REPEATED, Observation(kSender, 600))});
  const CountedEdge rounds =
      CountOf({Observation(kSender, 1000), Wasted(v1::WASTE_REPEATED, Observation(kSender, 250))});
  const CountedEdge rest = Unattributed(whole, rounds);
  EXPECT_EQ(rest.waste[v1::WASTE_REPEATED].counted, Bytes(350));
  EXPECT_EQ(AllWaste(Unattributed(whole, whole)), Bytes(0));
  // The end that named the rounds knew of no waste, and counted all bytes but a few.
  const CountedEdge unaware = CountOf({Observation(kReceiver, 1600)});
  EXPECT_EQ(Unattributed(whole, unaware).counted, Bytes(57));
  EXPECT_EQ(AllWaste(Unattributed(whole, unaware)), Bytes(57));
  EXPECT_TRUE(Unattributed(unaware, whole).waste[v1::WASTE_REPEATED].empty());
}

// Random observations of four observers: what is wasted never changes what counts, and is never more than it.
TEST(Edges, WasteNeverChangesWhatCounts) {
  std::mt19937_64 random(RandomSeed());
  for (int repetition = 0; repetition < 2000; ++repetition) {
    TransportShares transport;
    std::vector<EdgeObservation> observations;
    for (int i = 0; i < 20; ++i) {
      EdgeObservation observation =
          Observation(random() % 2 == 0, random() % 1000, v1::OBSERVER_INTERCEPTOR, random() % 8 != 0);
      observation.waste = static_cast<v1::Waste>(random() % v1::Waste_ARRAYSIZE);
      if (random() % 2 == 0) {
        observation.observer = v1::OBSERVER_PROXY;
        observation.hour = static_cast<Hour>(random() % 3);
        observation.totals.encoded = {1, Bytes(random() % 1000)};
        if (random() % 2 == 0) observation.totals.message = {};
        const Bytes carried(random() % 3 == 0 ? 0 : random() % 2000);
        transport.Add(0, observation.by_sender, observation.hour,
                      {carried, observation.totals.encoded.bytes});
      }
      observations.push_back(observation);
    }
    const CountedEdge count = CountOf(observations, transport);
    for (EdgeObservation& observation : observations) observation.waste = v1::WASTE_UNSPECIFIED;
    const CountedEdge without = CountOf(observations, transport);
    EXPECT_EQ(count.counted, without.counted);
    EXPECT_EQ(count.unconfirmed, without.unconfirmed);
    EXPECT_EQ(count.message, without.message);
    EXPECT_EQ(count.calls, without.calls);
    EXPECT_EQ(count.messages, without.messages);
    EXPECT_EQ(count.layer, without.layer);
    EXPECT_EQ(count.disagreement, without.disagreement);
    EXPECT_EQ(count.cross_check, without.cross_check);
    EXPECT_EQ(count.at_least, without.at_least);
    EXPECT_LE(AllWaste(count), count.counted);
    EXPECT_EQ(AllWaste(without), Bytes(0));
  }
}

TEST(Edges, MergingSumsEachObserverAlone) {
  const auto merged =
      MergeObservations({Observation(kReceiver, 1), Observation(kSender, 2), Observation(kReceiver, 4)});
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].totals.message.bytes, Bytes(5));
  EXPECT_EQ(merged[1].totals.message.bytes, Bytes(2));
}

// Random totals of four observers over rounds and outside them, against sums taken here by themselves.
TEST(Edges, RoundsAndUnattributedAreEverythingRecorded) {
  std::mt19937_64 random(RandomSeed());
  for (int repetition = 0; repetition < 200; ++repetition) {
    constexpr int kScopes = 6;  // the last one: outside the rounds
    std::array<uint64_t, 4> recorded{};
    uint64_t rounds = 0;
    CountedEdge in_rounds;
    std::vector<EdgeObservation> all;
    for (int scope = 0; scope < kScopes; ++scope) {
      std::vector<EdgeObservation> observations;
      uint64_t largest = 0;
      for (int observer = 0; observer < 4; ++observer) {
        if (random() % 3 == 0) continue;
        const uint64_t bytes = random() % 1'000'000;
        recorded[observer] += bytes;
        largest = std::max(largest, bytes);
        observations.push_back(Observation(observer % 2 == 0, bytes,
                                           observer < 2 ? v1::OBSERVER_INTERCEPTOR : v1::OBSERVER_PROXY));
      }
      all.insert(all.end(), observations.begin(), observations.end());
      if (scope == kScopes - 1) continue;
      in_rounds += CountOf(observations);
      rounds += largest;
    }
    const std::vector<EdgeObservation> merged = MergeObservations(all);
    for (const EdgeObservation& observation : merged) {
      const int observer =
          (observation.by_sender ? 0 : 1) + (observation.observer == v1::OBSERVER_PROXY ? 2 : 0);
      EXPECT_EQ(observation.totals.message.bytes, Bytes(recorded[observer]));
    }
    const CountedEdge rest = Unattributed(CountOf(merged), in_rounds);
    EXPECT_EQ(in_rounds.message, Bytes(rounds));
    EXPECT_EQ(in_rounds.message + rest.message,
              Bytes(std::max(rounds, *std::max_element(recorded.begin(), recorded.end()))));
  }
}

}  // namespace
}  // namespace fedcarbon::server
