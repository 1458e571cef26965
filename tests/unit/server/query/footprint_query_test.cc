#include "server/query/footprint_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "server/query/query_context.h"
#include "tests/unit/server/query/federation.h"

namespace fedcarbon::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const RoundId kRound1{"flower:1", 1};
const RoundId kNoRound{"flower:1", std::nullopt};

// Ember 2024, and Green Algorithms' 12 W per core: TDP 120 W of 10 cores.
constexpr double kFrance = 44.18;
constexpr double kPoland = 614.98;
// One message of this size in one request is 1 GB on the wire: 5 B of prefix and 52 B of frames and headers.
constexpr uint64_t kGigabyteMessage = 1'000'000'000 - 5 - 52;

// 1 GB from Paris to Warsaw, one CPU hour in Warsaw at a PUE of 1.5.
void AddParisAndWarsaw(Federation* federation, uint64_t received = kGigabyteMessage) {
  federation->Add(Facts("paris", 1)
                      .Describe("FRA", 1500)
                      .Started("flower:1", "hearts", 3)
                      .Moved(kRound1, "paris", "warsaw", kGigabyteMessage));
  federation->Add(Facts("warsaw", 2)
                      .Describe("POL", 1500)
                      .Moved(kRound1, "paris", "warsaw", received)
                      .Computed(kRound1, absl::Hours(1)));
}

TEST(FootprintQuery, OneRoundOfTwoNodesCostsWhatAHandCalculationSays) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  const v1::RunFootprint run = federation.Run();

  // 12 W x 1 h x 1.5 = 18 Wh; net.default/1 fixed: 0.02 kWh/GB, half at each end.
  const double computation = 0.018 * kPoland;
  const double communication = 0.01 * kFrance + 0.01 * kPoland;
  EXPECT_NEAR(run.footprint().computation().central(), computation, 1e-9);
  EXPECT_NEAR(run.footprint().communication().central(), communication, 1e-9);
  EXPECT_NEAR(run.footprint().total().central(), computation + communication, 1e-9);
  EXPECT_NEAR(run.footprint().computation_energy().central(), 0.018 * 3.6e6, 1e-6);
  EXPECT_NEAR(run.footprint().communication_energy().central(), 0.02 * 3.6e6, 1e-6);
  EXPECT_EQ(run.footprint().counted_bytes(), 1'000'000'000u);
  EXPECT_EQ(run.footprint().cpu_us(), 3'600'000'000u);
  EXPECT_FALSE(run.footprint().total().at_least());

  // Fixed lines 0.002 to 0.09 kWh/GB; a country's grid is known to x/÷ 1.55.
  const auto factor = [](double line) { return std::exp(std::hypot(std::log(line), std::log(1.55))); };
  EXPECT_NEAR(run.footprint().communication().high(), communication * factor(0.09 / 0.02), 1e-6);
  EXPECT_NEAR(run.footprint().communication().low(), communication / factor(0.02 / 0.002), 1e-6);

  // Malmodin's slope: 0.05 W/(Mbit/s) x 8,000 Mbit = 400 J.
  ASSERT_EQ(run.footprint().alternatives_size(), 1);
  EXPECT_NEAR(run.footprint().alternatives(0).communication_energy().central(), 400, 1e-9);

  ASSERT_EQ(run.nodes_size(), 2);
  EXPECT_EQ(run.nodes(0).node(), "paris");
  EXPECT_NEAR(run.nodes(0).footprint().total().central(), 0.01 * kFrance, 1e-9);
  EXPECT_EQ(run.nodes(0).sent_bytes(), 1'000'000'000u);
  EXPECT_NEAR(run.nodes(1).footprint().total().central(), computation + 0.01 * kPoland, 1e-9);
  EXPECT_EQ(run.nodes(1).received_bytes(), 1'000'000'000u);
  EXPECT_NEAR(run.in_rounds().total().central(), run.footprint().total().central(), 1e-12);
  EXPECT_EQ(run.unattributed().total().central(), 0);
}

TEST(FootprintQuery, ARoundIsTheSumOfItsNodes) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  const v1::RoundFootprint round = federation.Round(1);
  double nodes = 0;
  for (const v1::NodeFootprint& node : round.nodes()) nodes += node.footprint().total().central();
  EXPECT_NEAR(nodes, round.summary().footprint().total().central(), 1e-9);
  EXPECT_NEAR(nodes, 0.028 * kPoland + 0.01 * kFrance, 1e-9);
}

TEST(FootprintQuery, RoundZeroIsARound) {
  Federation federation;
  federation.Add(Facts("paris", 1).Describe("FRA").Computed({"flower:1", 0}, absl::Hours(1)));
  EXPECT_EQ(federation.Round(0).summary().round(), 0u);
  EXPECT_GT(federation.Run().in_rounds().total().central(), 0);
  EXPECT_EQ(federation.Run().unattributed().total().central(), 0);
}

TEST(FootprintQuery, EndsThatDisagreeAreShownAndTheLargerCounts) {
  Federation federation;
  AddParisAndWarsaw(&federation, kGigabyteMessage - 1000);
  const v1::RunFootprint run = federation.Run();
  ASSERT_EQ(run.edges_size(), 1);
  EXPECT_EQ(run.edges(0).disagreement_bytes(), 1000u);
  EXPECT_EQ(run.edges(0).counted_bytes(), 1'000'000'000u);
  EXPECT_THAT(run.warnings(), Contains(HasSubstr("paris -> warsaw disagree by 1000 B")));
}

TEST(FootprintQuery, AnUnansweredCallIsInHighAlone) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  const v1::RunFootprint before = federation.Run();
  federation.Add(
      Facts("paris", 1).Moved(kRound1, "paris", "warsaw", kGigabyteMessage, v1::OBSERVER_INTERCEPTOR, false));
  const v1::RunFootprint after = federation.Run();
  EXPECT_EQ(after.edges(0).unconfirmed_bytes(), kGigabyteMessage);
  EXPECT_EQ(after.footprint().total().central(), before.footprint().total().central());
  EXPECT_EQ(after.footprint().total().low(), before.footprint().total().low());
  EXPECT_NEAR(after.footprint().communication().high(), 2 * before.footprint().communication().high(), 1e-9);
}

TEST(FootprintQuery, AnEndThatDidNotKnowTheRoundAddsNothing) {
  Federation federation;
  federation.Add(Facts("paris", 1).Describe("FRA").Moved(kRound1, "paris", "warsaw", 1000));
  federation.Add(Facts("warsaw", 2).Describe("POL").Moved(kNoRound, "paris", "warsaw", 1000));
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.in_rounds().counted_bytes(), 1057u);
  EXPECT_EQ(run.unattributed().counted_bytes(), 0u);
  EXPECT_EQ(run.edges(0).disagreement_bytes(), 0u);
}

TEST(FootprintQuery, AnEndThatDidNotKnowTheRunAddsNothing) {
  Federation federation;
  federation.Add(Facts("paris", 1).Describe("FRA").Moved(kRound1, "paris", "warsaw", 1000));
  federation.Add(Facts("warsaw", 2).Describe("POL").Moved({}, "paris", "warsaw", 1000));
  federation.Add(Facts("warsaw", 2).Moved({}, "warsaw", "paris", 300));
  EXPECT_EQ(federation.Run().unattributed_federation().counted_bytes(), 357u);
}

TEST(FootprintQuery, ConnectionsAreSharedOverTheRoundsOfTheirHourByEncodedBytes) {
  const Hour next = HourOf(kStart) + 1;
  Federation federation;
  federation.Add(Facts("paris", 1)
                     .Describe("FRA")
                     .Travelled({"flower:1", 1}, "paris", "warsaw", 1000)
                     .Travelled({"flower:1", 2}, "paris", "warsaw", 3000)
                     .Travelled({"flower:1", 3}, "paris", "warsaw", 5000, next)
                     .Travelled(kNoRound, "paris", "warsaw", 1000)
                     .Carried("paris", "warsaw", 5500)
                     .Carried("paris", "warsaw", 5050, next));
  EXPECT_EQ(federation.Round(1).summary().footprint().counted_bytes(), 1100u);
  EXPECT_EQ(federation.Round(2).summary().footprint().counted_bytes(), 3300u);
  EXPECT_EQ(federation.Round(3).summary().footprint().counted_bytes(), 5050u);
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.unattributed().counted_bytes(), 1100u);
  EXPECT_EQ(run.footprint().counted_bytes(), 5500u + 5050u);
  EXPECT_EQ(run.unattributed_federation().counted_bytes(), 0u);
  EXPECT_EQ(run.edges(0).layer(), v1::LAYER_TRANSPORT);
  EXPECT_FALSE(run.edges(0).modelled());
}

TEST(FootprintQuery, AConnectionThatIsToldLateChangesARunWithoutAFactOfTheRun) {
  Federation federation;
  federation.Add(Facts("paris", 1).Describe("FRA").Travelled(kRound1, "paris", "warsaw", 1000));
  EXPECT_EQ(federation.Run().in_rounds().counted_bytes(), 1052u) << "modelled until then";
  federation.Add(Facts("paris", 1).Carried("paris", "warsaw", 1090));
  EXPECT_EQ(federation.Run().in_rounds().counted_bytes(), 1090u);
  EXPECT_EQ(federation.Round(1).summary().footprint().counted_bytes(), 1090u);
  federation.Add(Facts("paris", 1).Carried("paris", "warsaw", 10));
  EXPECT_EQ(federation.Run().in_rounds().counted_bytes(), 1100u);
}

TEST(FootprintQuery, WhatConnectionsCarriedBeyondAllCallsIsInNoRun) {
  const Hour idle = HourOf(kStart) + 5;
  Federation federation;
  federation.Add(Facts("paris", 1)
                     .Describe("FRA")
                     .Travelled(kRound1, "paris", "warsaw", 1000)
                     .Carried("paris", "warsaw", 1100)
                     .Carried("paris", "warsaw", 70, idle)       // pings
                     .Carried("paris", "(sealed)", 1'000'000));  // TLS that nobody opens
  federation.Add(Facts("warsaw", 2).Describe("POL").Carried("paris", "warsaw", 60, idle));
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.footprint().counted_bytes(), 1100u);
  EXPECT_EQ(run.unattributed_federation().counted_bytes(), 70u + 1'000'000u);
}

TEST(FootprintQuery, ASealedConnectionAddsNothingToCallsThatWereMeteredInside) {
  Federation federation;
  federation.Add(Facts("paris", 1)
                     .Describe("FRA")
                     .Moved(kRound1, "paris", "warsaw", 1000)
                     .Carried("paris", "warsaw", 1200));
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.footprint().counted_bytes(), 1057u);
  EXPECT_EQ(run.unattributed_federation().counted_bytes(), 1200u - 1057u);
}

// Waste: a breakdown of the run.

TEST(FootprintQuery, WasteIsPricedByCategoryWhereItMoved) {
  Federation federation;
  federation.Add(Facts("paris", 1)
                     .Describe("FRA")
                     .Moved(kRound1, "paris", "warsaw", kGigabyteMessage)
                     .Wasted(v1::WASTE_FAILED)
                     .Moved(kRound1, "paris", "warsaw", kGigabyteMessage)
                     .Wasted(v1::WASTE_REPEATED)
                     .Moved(kRound1, "paris", "warsaw", kGigabyteMessage)
                     .Moved({"flower:1", 2}, "paris", "paris", kGigabyteMessage)
                     .Moved(kNoRound, "paris", "warsaw", kGigabyteMessage));
  federation.Add(Facts("warsaw", 2).Describe("POL"));
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.footprint().counted_bytes(), 5'000'000'000u);
  ASSERT_EQ(run.waste_size(), 2);
  EXPECT_EQ(run.waste(0).waste(), v1::WASTE_REPEATED);
  EXPECT_EQ(run.waste(0).calls(), 3u);
  EXPECT_EQ(run.waste(0).messages(), 3u);
  EXPECT_EQ(run.waste(0).counted_bytes(), 3'000'000'000u);
  EXPECT_NEAR(run.waste(0).communication().central(), 2 * 0.01 * (kFrance + kPoland) + 0.02 * kFrance, 1e-9);
  EXPECT_LT(run.waste(0).communication().low(), run.waste(0).communication().central());
  EXPECT_FALSE(run.waste(0).communication().at_least());
  EXPECT_EQ(run.waste(1).waste(), v1::WASTE_FAILED);
  EXPECT_EQ(run.waste(1).counted_bytes(), 1'000'000'000u);
  EXPECT_NEAR(run.waste(1).communication().central(), 0.01 * (kFrance + kPoland), 1e-9);
}

TEST(FootprintQuery, WasteChangesNoFootprint) {
  Federation plain;
  Federation wasteful;
  for (Federation* federation : {&plain, &wasteful}) {
    const bool wastes = federation == &wasteful;
    federation->Add(Facts("paris", 1)
                        .Describe("FRA")
                        .Wasted(wastes ? v1::WASTE_POLL : v1::WASTE_UNSPECIFIED)
                        .Travelled(kRound1, "paris", "warsaw", 333)
                        .Wasted(wastes ? v1::WASTE_RETRY : v1::WASTE_UNSPECIFIED)
                        .Travelled(kRound1, "paris", "warsaw", 334)
                        .Wasted(v1::WASTE_UNSPECIFIED)
                        .Travelled(kRound1, "paris", "warsaw", 333)
                        .Carried("paris", "warsaw", 1999));
  }
  v1::RunFootprint with = wasteful.Run();
  EXPECT_EQ(with.waste_size(), 2);
  uint64_t bytes = 0;
  for (const v1::WasteFootprint& waste : with.waste()) bytes += waste.counted_bytes();
  EXPECT_EQ(bytes, 665u + 667u) << "a share of what the connections carried, rounded down";
  with.clear_waste();
  EXPECT_EQ(with.DebugString(), plain.Run().DebugString());
}

TEST(FootprintQuery, ARunWithoutWasteSaysNothingOfIt) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  EXPECT_EQ(federation.Run().waste_size(), 0);
}

TEST(FootprintQuery, AGapOfAnEndMakesItsWasteALowerBound) {
  Federation federation;
  federation.Add(
      Facts("paris", 1).Describe("FRA").Wasted(v1::WASTE_POLL).Moved(kRound1, "paris", "warsaw", 9));
  federation.Add(Facts("warsaw", 2).Describe("POL").Lost(kStart, kStart));
  EXPECT_TRUE(federation.Run().waste(0).communication().at_least());
}

TEST(FootprintQuery, WasteThatNamesNoRunStandsBesideItsNodesRuns) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  federation.Add(Facts("paris", 3).Wasted(v1::WASTE_HEARTBEAT).Moved({}, "paris", "warsaw", 943));
  federation.Add(Facts("oslo", 4).Wasted(v1::WASTE_POLL).Moved({}, "oslo", "bergen", 943));  // not of the run
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.waste_size(), 0);
  ASSERT_EQ(run.unattributed_federation_waste_size(), 1);
  const v1::WasteFootprint& waste = run.unattributed_federation_waste(0);
  EXPECT_EQ(waste.waste(), v1::WASTE_HEARTBEAT);
  EXPECT_EQ(waste.counted_bytes(), 1000u);
  EXPECT_EQ(waste.counted_bytes(), run.unattributed_federation().counted_bytes());
  EXPECT_NEAR(waste.communication().central(), run.unattributed_federation().communication().central(),
              1e-15);
  EXPECT_FALSE(waste.communication().at_least());
  federation.Add(Facts("paris", 3).Lost(kStart, kStart));
  EXPECT_TRUE(federation.Run().unattributed_federation_waste(0).communication().at_least());
}

TEST(FootprintQuery, WasteOfABoundTransferMovesWithIt) {
  Federation federation;
  federation.Add(Facts("paris", 1)
                     .Describe("FRA")
                     .Wasted(v1::WASTE_HEARTBEAT)
                     .Moved({}, "paris", "warsaw", 1000, v1::OBSERVER_INTERCEPTOR, true, true, 9));
  federation.Add(Facts("paris", 1).Bound(9, kRound1));
  ASSERT_EQ(federation.Run().waste_size(), 1);
  EXPECT_EQ(federation.Run().waste(0).waste(), v1::WASTE_HEARTBEAT);
  EXPECT_EQ(federation.Run().waste(0).counted_bytes(), 1057u);
}

TEST(FootprintQuery, ABindingMovesBytesToTheirRound) {
  Federation federation;
  federation.Add(Facts("paris", 1)
                     .Describe("FRA")
                     .Started("flower:1")
                     .Moved({}, "paris", "warsaw", 1000, v1::OBSERVER_PROXY, true, true, 77));
  EXPECT_EQ(federation.Run().in_rounds().counted_bytes(), 0u);
  federation.Add(Facts("paris", 1).Bound(77, kRound1));
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.in_rounds().counted_bytes(), 1057u);
  EXPECT_EQ(run.unattributed_federation().counted_bytes(), 0u);
}

TEST(FootprintQuery, AGapMakesItsNodeItsRoundAndTheRunLowerBounds) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  federation.Add(Facts("warsaw", 2)
                     .RoundTook("flower:1", 1, kStart, kStart + absl::Minutes(5))
                     .RoundTook("flower:1", 2, kStart + absl::Minutes(6), kStart + absl::Minutes(9))
                     .Computed({"flower:1", 2}, absl::Seconds(1))
                     .Lost(kStart + absl::Minutes(1), kStart + absl::Minutes(2)));
  const v1::RunFootprint run = federation.Run();
  EXPECT_TRUE(run.footprint().total().at_least());
  EXPECT_FALSE(run.nodes(0).footprint().total().at_least());
  EXPECT_TRUE(run.nodes(1).footprint().total().at_least());
  ASSERT_EQ(run.gaps_size(), 1);
  EXPECT_EQ(run.gaps(0).node(), "warsaw");
  EXPECT_EQ(run.gaps(0).gap().facts(), 7u);
  EXPECT_TRUE(federation.Round(1).summary().footprint().total().at_least());
  EXPECT_FALSE(federation.Round(2).summary().footprint().total().at_least());
}

TEST(FootprintQuery, AGapOfAnEndMakesItsEdgesAndWhatIsInNoRoundLowerBounds) {
  for (const bool lost : {false, true}) {
    Federation federation;
    AddParisAndWarsaw(&federation);
    federation.Add(Facts("paris", 1).Moved(kNoRound, "paris", "berlin", 1000));
    federation.Add(Facts("paris", 1).Moved(RoundId(), "paris", "berlin", 1000));
    federation.Add(Facts("berlin", 3).Describe("DEU"));
    if (lost) federation.Add(Facts("warsaw", 2).Lost(kStart, kStart));
    const v1::RunFootprint run = federation.Run();
    ASSERT_EQ(run.edges_size(), 2);
    EXPECT_EQ(run.edges(0).to(), "berlin");
    EXPECT_FALSE(run.edges(0).communication().at_least());
    EXPECT_EQ(run.edges(1).communication().at_least(), lost);
    EXPECT_EQ(run.unattributed().total().at_least(), lost);
    EXPECT_EQ(run.unattributed_federation().total().at_least(), lost);
    EXPECT_EQ(federation.Round(1).edges(0).communication().at_least(), lost);
  }
}

TEST(FootprintQuery, FactsWithoutARunMayHaveBeenLostAtAnyTime) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  federation.Add(Facts("warsaw", 2).Lost(kStart - absl::Hours(48), kStart - absl::Hours(47)));
  EXPECT_FALSE(federation.Run().footprint().total().at_least());
  EXPECT_TRUE(federation.Run().unattributed_federation().total().at_least());
}

TEST(FootprintQuery, AGapAfterTheLastFactCountsUntilTheRunsLastBatchWasHere) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  const absl::Time lost = kStart + absl::Hours(2);
  federation.Add(Facts("warsaw", 2).Lost(lost, lost));
  EXPECT_TRUE(federation.Run().footprint().total().at_least()) << "it may go on";
  const absl::Time end = kStart + absl::Minutes(1);
  federation.Add(Facts("paris", 1).Ended("flower:1", v1::OUTCOME_COMPLETED, end));
  EXPECT_FALSE(federation.Run().footprint().total().at_least());
  federation.Add(Facts("warsaw", 2).Computed(kRound1, absl::Hours(1)).Received(lost - absl::Microseconds(1)));
  EXPECT_FALSE(federation.Run().footprint().total().at_least());
  federation.Add(Facts("warsaw", 2).Computed(kRound1, absl::Hours(1)).Received(lost));
  EXPECT_TRUE(federation.Run().footprint().total().at_least());
}

TEST(FootprintQuery, AnUpstreamThatIsSwitchedOffHidesNothingOfARunThatIsSilent) {
  for (const bool is_silent : {false, true}) {
    Federation federation;
    AddParisAndWarsaw(&federation);
    const absl::Time silent = absl::FromUnixMicros(federation.Run().run().last_fact_us()) + kSilentAfter;
    const absl::Time off = silent + absl::Microseconds(is_silent ? 1 : 0);
    federation.Add(Facts("warsaw", 2).Lost(off, off, v1::Gap::REASON_UNREACHABLE));
    EXPECT_EQ(federation.Run().footprint().total().at_least(), !is_silent);
    EXPECT_EQ(federation.Run().gaps_size(), is_silent ? 0 : 1);
  }
}

TEST(FootprintQuery, ANodeThatNeverReportedLeavesItsComputationUnknown) {
  Federation federation;
  federation.Add(Facts("paris", 1).Describe("FRA").Moved(kRound1, "paris", "warsaw", 1000));
  const v1::RunFootprint run = federation.Run();
  EXPECT_TRUE(run.footprint().computation().at_least());
  EXPECT_FALSE(run.footprint().communication().at_least());
  EXPECT_THAT(run.warnings(), Contains(HasSubstr("warsaw reported nothing")));
}

TEST(FootprintQuery, FedcarbonsOwnIsPricedBesideTheRounds) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  const double before = federation.Run().footprint().total().central();
  federation.Add(
      Facts("warsaw", 2).Computed({}, absl::Seconds(36), v1::SPAN_KIND_FEDCARBON).Overhead(900'000, 100'000));
  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.footprint().total().central(), before);
  EXPECT_EQ(run.overhead().report_bytes(), 900'000u);
  EXPECT_EQ(run.overhead().context_bytes(), 100'000u);
  EXPECT_EQ(run.overhead().cpu_us(), 36'000'000u);
  EXPECT_NEAR(run.overhead().footprint().computation().central(), 0.00018 * kPoland, 1e-9);
  EXPECT_GT(run.overhead().footprint().communication().central(), 0);
}

TEST(FootprintQuery, WarnsOfWhatAReaderHasToKnow) {
  Federation federation;
  federation.Add(Facts("paris", 1)
                     .Started("flower:1")
                     .Describe("")
                     .ClockIsOff(absl::Seconds(61))
                     .Computed(kRound1, absl::Hours(1)));
  federation.Add(Facts("warsaw", 2)
                     .Started("flower:1")
                     .Describe("POL")
                     .Signed()
                     .ClockIsOff(absl::Minutes(-1))
                     .Computed(kRound1, absl::Hours(1)));
  const v1::RunFootprint run = federation.Run();
  EXPECT_TRUE(run.run().opened_twice());
  EXPECT_THAT(run.warnings(), Contains(HasSubstr("the run was opened 2 times")));
  EXPECT_THAT(run.warnings(), Contains(HasSubstr("the clock of paris is off by -1m1s")));
  EXPECT_THAT(run.warnings(), Not(Contains(HasSubstr("the clock of warsaw"))));
  EXPECT_THAT(run.warnings(), Contains("unsigned batches: paris"));
  EXPECT_THAT(run.warnings(), Contains(HasSubstr("world average")));
  EXPECT_THAT(run.warnings(), Contains(HasSubstr("PUE")));
  EXPECT_TRUE(run.nodes(0).unsigned_batches());
  EXPECT_FALSE(run.nodes(1).unsigned_batches());
}

TEST(FootprintQuery, ARunIsSilentAfterFifteenMinutesWithoutAFact) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  federation.clock().Advance(absl::Minutes(14) - absl::Microseconds(1));
  EXPECT_EQ(federation.Run().run().state(), v1::Run::STATE_RUNNING);
  federation.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(federation.Run().run().state(), v1::Run::STATE_SILENT);
  federation.Add(Facts("paris", 1).Ended("flower:1", v1::OUTCOME_COMPLETED, kStart));
  EXPECT_EQ(federation.Run().run().state(), v1::Run::STATE_COMPLETED);
}

TEST(FootprintQuery, CumulatorsModelGivesItsDigits) {
  Federation federation;
  federation.Add(Facts("gpu", 1)
                     .Computed(kRound1, absl::ZeroDuration(), v1::SPAN_KIND_TRAIN, absl::Hours(1))
                     .Computed(kRound1, absl::ZeroDuration(), v1::SPAN_KIND_SERVE, absl::Hours(9))
                     .Moved(kRound1, "gpu", "server", kGigabyteMessage));
  v1::Method method;
  method.set_model("cumulator/2020");
  const v1::RunFootprint run = federation.Run("", method);
  EXPECT_DOUBLE_EQ(run.footprint().computation().central(), 111.75);
  EXPECT_DOUBLE_EQ(run.footprint().communication().central(), 30.81618);
  EXPECT_FALSE(run.footprint().total().has_low());
  EXPECT_EQ(run.summary_text(),
            "########\n"
            "Overall carbon footprint: 1.43e+02 gCO2eq\n"
            "########\n"
            "Carbon footprint due to computations: 1.12e+02 gCO2eq\n"
            "Carbon footprint due to communications: 3.08e+01 gCO2eq\n");
}

TEST(FootprintQuery, ComputeTimeIsAnUpperBoundWhereOneOfItsSpansIs) {
  Federation federation;
  const auto compute = [](const char* node, const RoundId& round, absl::Duration wall, bool is_upper_bound) {
    return Facts(node, is_upper_bound ? 1 : 2)
        .Computed(round, absl::Seconds(1), v1::SPAN_KIND_TRAIN, wall, is_upper_bound);
  };
  const RoundId round_2{"flower:1", 2};
  federation.Add(compute("bound", kRound1, absl::Seconds(31), true));
  federation.Add(compute("exact", kRound1, absl::Seconds(9), false));
  federation.Add(compute("exact", round_2, absl::Seconds(8), false)
                     .Computed(round_2, absl::ZeroDuration(), v1::SPAN_KIND_SERVE, absl::Hours(1), true));

  const v1::RunFootprint run = federation.Run();
  EXPECT_EQ(run.footprint().compute_us(), 48'000'000u) << "handlers do not compute";
  EXPECT_TRUE(run.footprint().compute_is_upper_bound());
  EXPECT_FALSE(run.unattributed().compute_is_upper_bound());
  ASSERT_EQ(run.nodes_size(), 2);
  EXPECT_EQ(run.nodes(0).footprint().compute_us(), 31'000'000u);
  EXPECT_TRUE(run.nodes(0).footprint().compute_is_upper_bound());
  ASSERT_EQ(run.nodes(0).kinds_size(), 1);
  EXPECT_TRUE(run.nodes(0).kinds(0).wall_is_upper_bound());
  EXPECT_EQ(run.nodes(1).footprint().compute_us(), 17'000'000u);
  EXPECT_FALSE(run.nodes(1).footprint().compute_is_upper_bound()) << "that of handlers says nothing";
  ASSERT_EQ(run.nodes(1).kinds_size(), 2);
  EXPECT_FALSE(run.nodes(1).kinds(0).wall_is_upper_bound());
  EXPECT_TRUE(run.nodes(1).kinds(1).wall_is_upper_bound());

  EXPECT_TRUE(federation.Round(1).summary().footprint().compute_is_upper_bound());
  EXPECT_TRUE(federation.Round(1).nodes(0).footprint().compute_is_upper_bound());
  EXPECT_FALSE(federation.Round(1).nodes(1).footprint().compute_is_upper_bound());
  EXPECT_FALSE(federation.Round(2).summary().footprint().compute_is_upper_bound());
}

TEST(FootprintQuery, ComputeWithoutCpuTimeIsUnknownAndNotZero) {
  Federation federation;
  const RoundId round_2{"flower:1", 2};
  federation.Add(Facts("behind-a-proxy", 1)
                     .Computed(kRound1, absl::ZeroDuration(), v1::SPAN_KIND_TRAIN, absl::Seconds(31), true)
                     .Computed(round_2, absl::Seconds(9), v1::SPAN_KIND_TRAIN, absl::Seconds(9)));
  federation.Add(Facts("metered", 2)
                     .Computed(kRound1, absl::Seconds(9), v1::SPAN_KIND_TRAIN, absl::Seconds(9))
                     .Computed(kRound1, absl::ZeroDuration(), v1::SPAN_KIND_SERVE, absl::Hours(1)));
  const v1::RunFootprint run = federation.Run();
  EXPECT_TRUE(run.footprint().cpu_is_lower_bound());
  EXPECT_TRUE(run.footprint().computation().at_least());
  EXPECT_TRUE(run.footprint().total().at_least());
  EXPECT_TRUE(run.nodes(0).footprint().cpu_is_lower_bound());
  EXPECT_TRUE(run.nodes(0).kinds(0).cpu_is_lower_bound());
  EXPECT_TRUE(run.nodes(0).kinds(0).computation().at_least());
  EXPECT_FALSE(run.nodes(1).footprint().cpu_is_lower_bound()) << "handlers only wait";
  EXPECT_FALSE(run.nodes(1).footprint().computation().at_least());
  EXPECT_TRUE(federation.Round(1).summary().footprint().computation().at_least());
  EXPECT_FALSE(federation.Round(2).summary().footprint().computation().at_least());
  EXPECT_THAT(run.warnings(), Contains(HasSubstr("behind-a-proxy: how long it computed is known")));
  v1::Method method;
  method.set_model("cumulator/2020");
  EXPECT_FALSE(federation.Run("", method).footprint().computation().at_least()) << "priced by its time";
}

TEST(FootprintQuery, WhatIsPricedByAnUpperBoundIsOne) {
  Federation federation;
  federation.Add(Facts("gpu", 1)
                     .Computed(kRound1, absl::Seconds(1), v1::SPAN_KIND_TRAIN, absl::Hours(1), true)
                     .Moved(kRound1, "gpu", "server", kGigabyteMessage));
  v1::Method method;
  EXPECT_FALSE(federation.Run("", method).footprint().total().at_most()) << "fl.round/1 prices CPU time";
  method.set_model("cumulator/2020");
  const v1::Footprint footprint = federation.Run("", method).footprint();
  EXPECT_TRUE(footprint.computation().at_most());
  EXPECT_TRUE(footprint.computation_energy().at_most());
  EXPECT_TRUE(footprint.total().at_most());
  EXPECT_FALSE(footprint.communication().at_most());
}

TEST(FootprintQuery, AnUnknownRunIsAnErrorThatNamesThoseThereAre) {
  Federation federation;
  v1::GetRunRequest request;
  EXPECT_EQ(federation.query().GetRun(request).status(), absl::NotFoundError("no run has reported yet"));
  AddParisAndWarsaw(&federation);
  request.set_run("nvflare:9");
  EXPECT_EQ(federation.query().GetRun(request).status(),
            absl::NotFoundError("there is no run 'nvflare:9'; there are: flower:1 (hearts)"));
}

TEST(FootprintQuery, ARunIsFoundByIdPrefixAndName) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  EXPECT_EQ(federation.Run("flower:1").run().id(), "flower:1");
  EXPECT_EQ(federation.Run("flo").run().id(), "flower:1");
  EXPECT_EQ(federation.Run("hearts").run().id(), "flower:1");
  federation.Add(Facts("paris", 1).Started("flower:2", "hearts"));
  v1::GetRunRequest request;
  for (const char* text : {"flo", "hearts"}) {
    request.set_run(text);
    const absl::Status status = federation.query().GetRun(request).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr("may mean 2 runs: "));
  }
}

TEST(FootprintQuery, UnknownRoundsAndNodesAreErrorsThatNameWhatIsThere) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  v1::GetRoundRequest round;
  round.set_round(2);
  EXPECT_EQ(federation.query().GetRound(round).status(),
            absl::NotFoundError("run flower:1 has no round 2; its rounds lie from 1 to 1"));
  v1::GetNodeRequest node;
  node.set_node("rome");
  EXPECT_EQ(federation.query().GetNode(node).status(),
            absl::NotFoundError("run flower:1 has no node 'rome'; its nodes are: paris, warsaw"));
}

TEST(FootprintQuery, AWrongFactorsFileIsNamedWithLineAndColumn) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  v1::GetRunRequest request;
  request.mutable_method()->set_factors_toml("[grid_intensity]\nFRA = -1\n");
  request.mutable_method()->set_factors_name("site.toml");
  const absl::Status status = federation.query().GetRun(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("site.toml:2:"));
}

TEST(FootprintQuery, ANodeIsListedRoundByRound) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  federation.Add(Facts("warsaw", 2).Computed({"flower:1", 2}, absl::Hours(2)));
  v1::GetNodeRequest request;
  request.set_node("warsaw");
  const v1::NodeRounds node = federation.query().GetNode(request).value();
  ASSERT_EQ(node.rounds_size(), 2);
  EXPECT_NEAR(node.rounds(0).footprint().total().central(), 0.028 * kPoland, 1e-9);
  EXPECT_NEAR(node.rounds(1).footprint().total().central(), 0.036 * kPoland, 1e-9);
  EXPECT_NEAR(node.node().footprint().total().central(), 0.064 * kPoland, 1e-9);
  EXPECT_EQ(node.edges_size(), 1);
}

TEST(FootprintQuery, PagesHoldAtMostAThousandRounds) {
  Federation federation;
  Facts facts("paris", 1);
  facts.Describe("FRA");
  for (uint64_t round = 0; round <= 1000; ++round) facts.Computed({"flower:1", round}, absl::Seconds(1));
  federation.Add(facts);
  v1::ListRoundsRequest request;
  v1::ListRoundsResponse page = federation.query().ListRounds(request).value();
  EXPECT_EQ(page.rounds_size(), 1000);
  request.set_page_token(page.next_page_token());
  page = federation.query().ListRounds(request).value();
  ASSERT_EQ(page.rounds_size(), 1);
  EXPECT_EQ(page.rounds(0).round(), 1000u);
  EXPECT_THAT(page.next_page_token(), IsEmpty());

  request.Clear();
  request.set_to(999);  // a thousand rounds: one page and no more
  EXPECT_THAT(federation.query().ListRounds(request).value().next_page_token(), IsEmpty());
  request.set_page_size(1000);
  EXPECT_TRUE(federation.query().ListRounds(request).ok());
  request.set_page_size(1001);
  EXPECT_TRUE(absl::IsInvalidArgument(federation.query().ListRounds(request).status()));
}

TEST(FootprintQuery, PagesOfRunsFollowEachOther) {
  Federation federation;
  for (const char* run : {"a", "b", "c"}) federation.Add(Facts("paris", 1).Started(run));
  v1::ListRunsRequest request;
  request.set_page_size(2);
  const v1::ListRunsResponse first = federation.query().ListRuns(request).value();
  EXPECT_EQ(first.runs_size(), 2);
  request.set_page_token(first.next_page_token());
  const v1::ListRunsResponse second = federation.query().ListRuns(request).value();
  EXPECT_EQ(second.runs_size(), 1);
  EXPECT_THAT(second.next_page_token(), IsEmpty());
}

TEST(FootprintQuery, ALateFactOfAnEarlyRoundIsSeen) {
  Federation federation;
  AddParisAndWarsaw(&federation);
  federation.Add(Facts("warsaw", 2).Computed({"flower:1", 200}, absl::Hours(1)));
  const double before = federation.Run().footprint().total().central();
  federation.Add(Facts("warsaw", 2).Computed(kRound1, absl::Hours(1)));
  EXPECT_NEAR(federation.Run().footprint().total().central(), before + 0.018 * kPoland, 1e-9);
  EXPECT_NEAR(federation.Round(1).summary().footprint().computation().central(), 0.036 * kPoland, 1e-9);
}

}  // namespace
}  // namespace fedcarbon::server
