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

EdgeReport Report(bool by_sender, uint64_t message_bytes, v1::Observer observer = v1::OBSERVER_INTERCEPTOR,
                  bool answered = true) {
  EdgeReport report;
  report.by_sender = by_sender;
  report.observer = observer;
  report.answered = answered;
  report.totals.transfers = 1;
  report.totals.requests = 1;
  report.totals.messages = 1;
  report.totals.message = {1, Bytes(message_bytes)};
  return report;
}

EdgeReport Wasted(v1::Waste waste, EdgeReport report) {
  report.waste = waste;
  return report;
}

Bytes AllWaste(const EdgeCount& count) {
  Bytes sum;
  for (const WasteCount& waste : count.waste) sum += waste.counted;
  return sum;
}

EdgeCount Counted(const std::vector<EdgeReport>& reports, const TransportShares& transport = {}) {
  return CountEdge(MergeReports(reports), transport);
}

TEST(Edges, EqualEndsCountOnce) {
  const EdgeCount count = Counted({Report(kSender, 1000), Report(kReceiver, 1000)});
  EXPECT_EQ(count.calls, 1u);
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.counted, Bytes(1000 + 5 + 52));
  EXPECT_EQ(count.layer, v1::LAYER_MESSAGE);
  EXPECT_TRUE(count.modelled);
  EXPECT_EQ(count.disagreement, Bytes(0));
  EXPECT_EQ(count.cross_check, Bytes(0));
}

TEST(Edges, OneEndAloneCountsWithoutDisagreement) {
  const EdgeCount count = Counted({Report(kReceiver, 1000)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_FALSE(count.disagreement.has_value());
}

TEST(Edges, TheLargerEndCountsAndTheDifferenceIsShown) {
  const EdgeCount count = Counted({Report(kSender, 1000), Report(kReceiver, 700)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.disagreement, Bytes(300));
}

TEST(Edges, UnansweredBytesStandApart) {
  const EdgeCount count =
      Counted({Report(kSender, 1000), Report(kSender, 400, v1::OBSERVER_INTERCEPTOR, false)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.unconfirmed_message, Bytes(400));
  EXPECT_EQ(count.unconfirmed, Bytes(400 + 5 + 52));
}

TEST(Edges, ASecondObserverOfAnEndIsACrossCheckAndNeverAdded) {
  const EdgeCount count = Counted({Report(kSender, 1000), Report(kSender, 990, v1::OBSERVER_PROXY)});
  EXPECT_EQ(count.message, Bytes(1000));
  EXPECT_EQ(count.cross_check, Bytes(990));
  EXPECT_FALSE(count.disagreement.has_value());
}

TEST(Edges, TheOutermostLayerKnownIsPriced) {
  EdgeReport proxy = Report(kReceiver, 0, v1::OBSERVER_PROXY);
  proxy.totals.message = {};
  proxy.totals.encoded = {1, Bytes(300)};  // compressed
  const EdgeCount count = Counted({Report(kSender, 1000), proxy});
  EXPECT_EQ(count.layer, v1::LAYER_ENCODED);
  EXPECT_EQ(count.counted, Bytes(300 + 52));
  EXPECT_EQ(count.message, Bytes(1000));
}

TEST(Edges, ATransferOfUnknownSizeMakesALowerBound) {
  EdgeReport report = Report(kSender, 1000);
  report.totals.transfers = 2;
  EXPECT_TRUE(Counted({report}).at_least);
}

TEST(Edges, WhatRoundsHoldIsNotUnattributed) {
  const EdgeCount whole = Counted({Report(kSender, 1000), Report(kReceiver, 1000)});
  EXPECT_EQ(Unattributed(whole, whole).message, Bytes(0));
  EXPECT_EQ(Unattributed(whole, Counted({Report(kSender, 600)})).message, Bytes(400));
  EXPECT_EQ(Unattributed(whole, Counted({Report(kSender, 1600)})).message, Bytes(0));
}

// Waste: a breakdown of what counts, never an addition.

TEST(Edges, WasteIsPartOfWhatCounts) {
  const EdgeCount count = Counted({Report(kSender, 1000), Wasted(v1::WASTE_REPEATED, Report(kSender, 600)),
                                   Wasted(v1::WASTE_POLL, Report(kSender, 10))});
  EXPECT_EQ(count.counted, Bytes(1610 + 3 * (5 + 52)));
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].counted, Bytes(600 + 5 + 52));
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].calls, 1u);
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].messages, 1u);
  EXPECT_EQ(count.waste[v1::WASTE_POLL].counted, Bytes(10 + 5 + 52));
  EXPECT_TRUE(count.waste[v1::WASTE_UNSPECIFIED].empty());
  EXPECT_TRUE(count.waste[v1::WASTE_FAILED].empty());
}

TEST(Edges, TheEndThatCountsIsChosenOverAllCategories) {
  const EdgeCount count = Counted(
      {Report(kSender, 700), Wasted(v1::WASTE_REPEATED, Report(kSender, 600)), Report(kReceiver, 1000)});
  EXPECT_EQ(count.message, Bytes(1300));
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].counted, Bytes(600 + 5 + 52));
}

TEST(Edges, WasteThatOnlyTheOtherEndKnowsIsNotShown) {
  const EdgeCount count =
      Counted({Wasted(v1::WASTE_REPEATED, Report(kSender, 999)), Report(kReceiver, 1000)});
  EXPECT_EQ(AllWaste(count), Bytes(0));
}

TEST(Edges, OfEndsThatCountTheSameTheOneThatKnowsOfMoreWasteIsShown) {
  const EdgeReport all = Wasted(v1::WASTE_REPEATED, Report(kReceiver, 1000));
  const EdgeReport some = Wasted(v1::WASTE_POLL, Report(kSender, 400));
  const EdgeCount count = Counted({Report(kSender, 600), some, all});
  EXPECT_EQ(count.waste[v1::WASTE_REPEATED].counted, Bytes(1000 + 5 + 52));
  EXPECT_TRUE(count.waste[v1::WASTE_POLL].empty());
}

TEST(Edges, WasteIsMeasuredAtTheLayerThatCounts) {
  EdgeReport proxy = Report(kReceiver, 0, v1::OBSERVER_PROXY);
  proxy.totals.message = {};
  proxy.totals.encoded = {1, Bytes(300)};
  const EdgeReport interceptor = Wasted(v1::WASTE_REPEATED, Report(kSender, 1000));
  EXPECT_EQ(AllWaste(Counted({interceptor, proxy})), Bytes(0)) << "the proxy's bytes count";
  const EdgeCount count = Counted({interceptor, Wasted(v1::WASTE_POLL, proxy)});
  EXPECT_EQ(count.waste[v1::WASTE_POLL].counted, Bytes(300 + 52));
  EXPECT_EQ(AllWaste(count), count.counted);
}

TEST(Edges, WasteThatWasNeverAnsweredIsNone) {
  EXPECT_EQ(AllWaste(Counted({Wasted(v1::WASTE_FAILED, Report(kSender, 400, v1::OBSERVER_PROXY, false))})),
            Bytes(0));
}

TEST(Edges, WasteOutsideTheRoundsIsAtMostWhatIsCountedThere) {
  const EdgeCount whole = Counted({Report(kSender, 1000), Wasted(v1::WASTE_REPEATED, Report(kSender, 600))});
  const EdgeCount rounds = Counted({Report(kSender, 1000), Wasted(v1::WASTE_REPEATED, Report(kSender, 250))});
  const EdgeCount rest = Unattributed(whole, rounds);
  EXPECT_EQ(rest.waste[v1::WASTE_REPEATED].counted, Bytes(350));
  EXPECT_EQ(AllWaste(Unattributed(whole, whole)), Bytes(0));
  // The end that named the rounds knew of no waste, and counted all bytes but a few.
  const EdgeCount unaware = Counted({Report(kReceiver, 1600)});
  EXPECT_EQ(Unattributed(whole, unaware).counted, Bytes(57));
  EXPECT_EQ(AllWaste(Unattributed(whole, unaware)), Bytes(57));
  EXPECT_TRUE(Unattributed(unaware, whole).waste[v1::WASTE_REPEATED].empty());
}

// Random reports of four observers: what is wasted never changes what counts, and is never more than it.
TEST(Edges, WasteNeverChangesWhatCounts) {
  std::mt19937_64 random(RandomSeed());
  for (int repetition = 0; repetition < 2000; ++repetition) {
    TransportShares transport;
    std::vector<EdgeReport> reports;
    for (int i = 0; i < 20; ++i) {
      EdgeReport report =
          Report(random() % 2 == 0, random() % 1000, v1::OBSERVER_INTERCEPTOR, random() % 8 != 0);
      report.waste = static_cast<v1::Waste>(random() % v1::Waste_ARRAYSIZE);
      if (random() % 2 == 0) {
        report.observer = v1::OBSERVER_PROXY;
        report.hour = static_cast<Hour>(random() % 3);
        report.totals.encoded = {1, Bytes(random() % 1000)};
        if (random() % 2 == 0) report.totals.message = {};
        const Bytes carried(random() % 3 == 0 ? 0 : random() % 2000);
        transport.Add(0, report.by_sender, report.hour, {carried, report.totals.encoded.bytes});
      }
      reports.push_back(report);
    }
    const EdgeCount count = Counted(reports, transport);
    for (EdgeReport& report : reports) report.waste = v1::WASTE_UNSPECIFIED;
    const EdgeCount without = Counted(reports, transport);
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
  const auto merged = MergeReports({Report(kReceiver, 1), Report(kSender, 2), Report(kReceiver, 4)});
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
    EdgeCount in_rounds;
    std::vector<EdgeReport> all;
    for (int scope = 0; scope < kScopes; ++scope) {
      std::vector<EdgeReport> reports;
      uint64_t largest = 0;
      for (int observer = 0; observer < 4; ++observer) {
        if (random() % 3 == 0) continue;
        const uint64_t bytes = random() % 1'000'000;
        recorded[observer] += bytes;
        largest = std::max(largest, bytes);
        reports.push_back(
            Report(observer % 2 == 0, bytes, observer < 2 ? v1::OBSERVER_INTERCEPTOR : v1::OBSERVER_PROXY));
      }
      all.insert(all.end(), reports.begin(), reports.end());
      if (scope == kScopes - 1) continue;
      in_rounds += Counted(reports);
      rounds += largest;
    }
    const std::vector<EdgeReport> merged = MergeReports(all);
    for (const EdgeReport& report : merged) {
      const int observer = (report.by_sender ? 0 : 1) + (report.observer == v1::OBSERVER_PROXY ? 2 : 0);
      EXPECT_EQ(report.totals.message.bytes, Bytes(recorded[observer]));
    }
    const EdgeCount rest = Unattributed(Counted(merged), in_rounds);
    EXPECT_EQ(in_rounds.message, Bytes(rounds));
    EXPECT_EQ(in_rounds.message + rest.message,
              Bytes(std::max(rounds, *std::max_element(recorded.begin(), recorded.end()))));
  }
}

}  // namespace
}  // namespace fedcarbon::server
