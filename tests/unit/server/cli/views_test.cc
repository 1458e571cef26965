// What people see: golden text at 80 columns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_split.h"
#include "server/cli/footprint_view.h"
#include "server/cli/format.h"
#include "server/cli/transfers_view.h"

namespace fedcarbon::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void Set(v1::Estimate* estimate, double low, double central, double high) {
  estimate->set_low(low);
  estimate->set_central(central);
  estimate->set_high(high);
}

v1::Footprint Footprint(double computation, double communication, uint64_t bytes) {
  v1::Footprint footprint;
  Set(footprint.mutable_computation(), computation / 2, computation, computation * 2);
  Set(footprint.mutable_communication(), communication / 10, communication, communication * 5);
  Set(footprint.mutable_total(), computation / 2 + communication / 10, computation + communication,
      2 * computation + 5 * communication);
  Set(footprint.mutable_computation_energy(), computation * 5000, computation * 1e4, computation * 2e4);
  Set(footprint.mutable_communication_energy(), communication * 1e3, communication * 1e4,
      communication * 5e4);
  footprint.set_counted_bytes(bytes);
  footprint.set_cpu_us(static_cast<uint64_t>(computation * 2e8));
  footprint.set_compute_us(static_cast<uint64_t>(computation * 6e8));
  v1::ModelEstimate* other = footprint.add_alternatives();
  other->set_network_model("net.malmodin-marginal/2020");
  Set(other->mutable_communication(), communication / 300, communication / 200, communication / 100);
  Set(other->mutable_communication_energy(), communication * 30, communication * 50, communication * 100);
  return footprint;
}

v1::NodeFootprint Node(const char* name, const char* country, double computation) {
  v1::NodeFootprint node;
  node.set_node(name);
  node.mutable_description()->set_country(country);
  *node.mutable_footprint() = Footprint(computation, 0.004, 24'000'000);
  node.set_sent_bytes(12'345'678);
  node.set_received_bytes(12'345'999);
  return node;
}

// Twelve rounds of five nodes with long names.
v1::WatchRunResponse Hearts() {
  constexpr int64_t kStart = 1'795'466'222'000'000;  // 2026-11-23T20:37:02Z
  v1::WatchRunResponse response;
  v1::RunFootprint& run = *response.mutable_run();
  run.mutable_run()->set_id("7c9e6679-7425-40de-944b-e07fc1f90ae7");
  run.mutable_run()->set_name("heart disease");
  run.mutable_run()->set_planned_rounds(12);
  run.mutable_run()->set_rounds(12);
  run.mutable_run()->set_state(v1::Run::STATE_COMPLETED);
  run.mutable_run()->set_started_us(kStart);
  run.mutable_run()->set_last_fact_us(kStart + 252'000'000);
  run.mutable_method()->set_model("fl.round/1");
  run.mutable_method()->add_network_models("net.default/1");
  run.mutable_method()->add_network_models("net.malmodin-marginal/2020");
  *run.mutable_footprint() = Footprint(1.9, 0.048, 98'765'432);
  *run.mutable_in_rounds() = Footprint(1.8, 0.048, 98'700'000);
  for (int round = 0; round < 12; ++round) {
    v1::RoundSummary& summary = *response.add_rounds();
    summary.set_round(round + 1);
    *summary.mutable_footprint() = Footprint(0.15 + 0.001 * round, 0.004, 8'230'000);
    summary.set_started_us(kStart + round * 21'000'000);
    summary.set_ended_us(kStart + round * 21'000'000 + 20'500'000);
  }
  *run.add_nodes() = Node("aggregator.federation.epfl.example", "CHE", 0.0042);
  *run.add_nodes() = Node("cardiology.hospital.budapest.semmelweis.example", "HUN", 0.31);
  *run.add_nodes() = Node("cleveland-clinic.cardiology.ohio.example", "USA", 0.66);
  *run.add_nodes() = Node("long-beach.veterans-affairs.california.example", "USA", 0.71);
  *run.add_nodes() = Node("university-hospital.zurich-basel.example", "", 0.21);
  for (int node = 1; node < 5; ++node) {
    v1::Edge& edge = *run.add_edges();
    edge.set_from(run.nodes(0).node());
    edge.set_to(run.nodes(node).node());
    edge.set_calls(1224);
    edge.set_counted_bytes(12'345'678);
    edge.set_disagreement_bytes(node == 1 ? 1'000 : 0);
    edge.set_unconfirmed_bytes(node == 2 ? 60'000 : 0);
    Set(edge.mutable_communication(), 0.0006, 0.006, 0.03);
  }
  run.mutable_nodes(2)->mutable_footprint()->set_compute_is_upper_bound(true);
  run.mutable_footprint()->set_compute_is_upper_bound(true);
  for (v1::RoundSummary& round : *response.mutable_rounds()) {
    round.mutable_footprint()->set_compute_is_upper_bound(round.round() >= 3);
  }
  run.mutable_footprint()->mutable_total()->set_at_least(true);
  *run.mutable_unattributed() = Footprint(0.1, 0, 0);
  *run.mutable_unattributed_federation() = Footprint(0, 0, 0);
  *run.mutable_overhead()->mutable_footprint() = Footprint(0.012, 0.0001, 234'567);
  for (const v1::Waste category :
       {v1::WASTE_REPEATED, v1::WASTE_POLL, v1::WASTE_HEARTBEAT, v1::WASTE_FAILED}) {
    v1::WasteFootprint& waste = *run.add_waste();
    const double share = category == v1::WASTE_REPEATED ? 0.45 : category == v1::WASTE_POLL ? 0.025 : 0.0001;
    waste.set_waste(category);
    waste.set_calls(category == v1::WASTE_POLL ? 1'234'567 : 60);
    waste.set_messages(category == v1::WASTE_POLL ? 2'469'134 : 61);
    waste.set_counted_bytes(static_cast<uint64_t>(98'765'432 * share));
    Set(waste.mutable_communication(), 0.0048 * share, 0.048 * share, 0.24 * share);
  }
  run.mutable_unattributed_federation()->set_counted_bytes(400'000);
  v1::WasteFootprint& heartbeats = *run.add_unattributed_federation_waste();
  heartbeats.set_waste(v1::WASTE_HEARTBEAT);
  heartbeats.set_calls(1'300);
  heartbeats.set_messages(2'600);
  heartbeats.set_counted_bytes(130'000);
  Set(heartbeats.mutable_communication(), 0.00001, 0.0001, 0.0005);
  v1::GapEntry& gap = *run.add_gaps();
  gap.set_node("university-hospital.zurich-basel.example");
  gap.set_from_us(kStart + 60'000'000);
  gap.set_to_us(kStart + 90'000'000);
  gap.mutable_gap()->set_reason(v1::Gap::REASON_QUEUE_FULL);
  gap.mutable_gap()->set_facts(1'200);
  v1::Factor& factor = *run.add_factors();
  factor.set_name("grid_intensity.HUN");
  Set(factor.mutable_value(), 117.95, 182.82, 283.37);
  factor.set_unit("gCO2e/kWh");
  factor.set_source("Ember, Yearly Electricity Data, CC BY 4.0");
  factor.set_year(2024);
  factor.set_kind(v1::Factor::KIND_PUBLISHED);
  factor.add_flags("2024 for a run of 2026");
  run.add_warnings(
      "university-hospital.zurich-basel.example: no country is known, priced at the world average");
  return response;
}

TEST(RunText, LooksLikeThisAtEightyColumns) {
  EXPECT_EQ(RunText(Hearts(), Style()), R"(Run 7c9e6679-7425-40de-944b-e07fc1f90ae7 "heart disease"
completed, 12 of 12 rounds, 2026-11-23T20:37:02Z to 2026-11-23T20:41:14Z (4 min
12 s)
Model fl.round/1, network net.default/1; intervals are low – central – high.

Footprint (g CO2e)                      low – central – high  energy
total                                     ≥ 0.95 – 1.9 – 4.0
computation                                 0.95 – 1.9 – 3.8   19 kJ
communication, net.default/1              0.005 – 0.05 – 0.2   500 J
  or net.malmodin-marginal/2020  0.00016 – 0.00024 – 0.00048   2.4 J

Rounds (mg CO2e)
round  comput.  commun.  low – central – high    bytes  compute time  lasted
    1      150        4        75 – 150 – 320  8.23 MB    1 min 30 s  20.5 s
    2      150        4        76 – 160 – 320  8.23 MB    1 min 31 s  20.5 s
    3      150        4        76 – 160 – 320  8.23 MB  ≤ 1 min 31 s  20.5 s
    4      150        4        77 – 160 – 330  8.23 MB  ≤ 1 min 32 s  20.5 s
    5      150        4        77 – 160 – 330  8.23 MB  ≤ 1 min 32 s  20.5 s
    6      160        4        78 – 160 – 330  8.23 MB  ≤ 1 min 33 s  20.5 s
    7      160        4        78 – 160 – 330  8.23 MB  ≤ 1 min 34 s  20.5 s
    8      160        4        79 – 160 – 330  8.23 MB  ≤ 1 min 34 s  20.5 s
    9      160        4        79 – 160 – 340  8.23 MB  ≤ 1 min 35 s  20.5 s
   10      160        4        80 – 160 – 340  8.23 MB  ≤ 1 min 35 s  20.5 s
   11      160        4        80 – 160 – 340  8.23 MB  ≤ 1 min 36 s  20.5 s
   12      160        4        81 – 160 – 340  8.23 MB  ≤ 1 min 37 s  20.5 s

Nodes (g CO2e)
node             grid  comput.  commun.  low – central – high     sent  received
aggregator…mple  CHE    0.0042    0.004  0.003 – 0.008 – 0.03  12.3 MB   12.3 MB
cardiology…mple  HUN      0.31    0.004    0.16 – 0.31 – 0.64  12.3 MB   12.3 MB
cleveland-…mple  USA      0.66    0.004     0.33 – 0.66 – 1.3  12.3 MB   12.3 MB
long-beach…mple  USA      0.71    0.004     0.36 – 0.71 – 1.4  12.3 MB   12.3 MB
university…mple  -        0.21    0.004    0.11 – 0.21 – 0.44  12.3 MB   12.3 MB
Grams add up over nodes. Bytes do not: each is sent by one and received by
another.

Compute time of                                    wall         CPU  accelerator
aggregator.federation.epfl.example                2.5 s      840 ms         0 ms
cardiology.hospital.budapes…lweis.example    3 min 06 s  1 min 02 s         0 ms
cleveland-clinic.cardiology.ohio.example   ≤ 6 min 36 s  2 min 12 s         0 ms
long-beach.veterans-affairs…ornia.example    7 min 06 s  2 min 22 s         0 ms
university-hospital.zurich-basel.example     2 min 06 s      42.0 s         0 ms
≤: at most. What was found on the wire may hold downloads, waiting and the start
of a process besides the compute.

Edges (g CO2e)
from            to               calls    bytes      g  ends differ  unconfirmed
aggregato…mple  cardiology…mple  1,224  12.3 MB  0.006      1.00 kB          0 B
aggregato…mple  cleveland-…mple  1,224  12.3 MB  0.006          0 B      60.0 kB
aggregato…mple  long-beach…mple  1,224  12.3 MB  0.006          0 B          0 B
aggregato…mple  university…mple  1,224  12.3 MB  0.006          0 B          0 B

Waste (mg CO2e)      calls   messages    bytes    share   low – central – high
repeated bytes          60         61  44.4 MB     45 %           2 – 20 – 100
empty polls      1,234,567  2,469,134  2.47 MB    2.5 %            0.1 – 1 – 6
heartbeats              60         61  9.88 kB  < 0.1 %  0.0005 – 0.005 – 0.02
failed calls            60         61  9.88 kB  < 0.1 %  0.0005 – 0.005 – 0.02
A part of the footprint above. The share is of the run's bytes.

Waste in no run (µg CO2e)  calls  messages   bytes  share  low – central – high
heartbeats                 1,300     2,600  130 kB   32 %        10 – 100 – 500
A part of what named no run, below: of these nodes, over all time. The share is
of those bytes.

Outside the rounds (g CO2e)             low – central – high    bytes     CPU
unattributed: no round named             0.050 – 0.10 – 0.20      0 B  20.0 s
no run named, by these nodes, ever                 0 – 0 – 0   400 kB    0 ms
fedcarbon's own, during the run       0.0060 – 0.012 – 0.025   235 kB   2.4 s
unconfirmed: never answered, in high                          60.0 kB

Gaps: not metered
  university-hospital.zurich-basel.example: queue_full, lost: 1,200 facts,
  2026-11-23T20:38:02Z to 2026-11-23T20:38:32Z

Factors used
  grid_intensity.HUN 118.0 – 182.8 – 283.4 gCO2e/kWh; 2024, published; Ember,
  Yearly Electricity Data, CC BY 4.0 [2024 for a run of 2026]

To know
! university-hospital.zurich-basel.example: no country is known, priced at the
  world average
)");
}

TEST(RunText, SaysNothingOfWasteWhereThereIsNone) {
  v1::WatchRunResponse run = Hearts();
  EXPECT_THAT(RunText(run, Style()), HasSubstr("Waste"));
  run.mutable_run()->clear_waste();
  EXPECT_THAT(RunText(run, Style()), Not(HasSubstr("Waste (")));
  EXPECT_THAT(RunText(run, Style()), HasSubstr("Waste in no run ("));
  run.mutable_run()->clear_unattributed_federation_waste();
  EXPECT_THAT(RunText(run, Style()), Not(HasSubstr("Waste")));
}

TEST(RunText, ExplainsUpperBoundsWhereThereAreSome) {
  v1::WatchRunResponse run = Hearts();
  EXPECT_THAT(RunText(run, Style()), HasSubstr("≤: at most."));
  EXPECT_THAT(WatchText(run, Style()), HasSubstr("≤: at most."));
  for (v1::RoundSummary& round : *run.mutable_rounds()) {
    round.mutable_footprint()->set_compute_is_upper_bound(false);
  }
  run.mutable_run()->mutable_nodes(2)->mutable_footprint()->set_compute_is_upper_bound(false);
  run.mutable_run()->mutable_footprint()->set_compute_is_upper_bound(false);
  EXPECT_THAT(RunText(run, Style()), Not(HasSubstr("≤")));
  EXPECT_THAT(WatchText(run, Style()), Not(HasSubstr("≤")));
}

TEST(RoundText, SaysOfEachNodeHowLongItComputed) {
  v1::RoundFootprint round;
  *round.mutable_summary()->mutable_footprint() = Footprint(0.1, 0, 0);
  round.mutable_summary()->mutable_footprint()->set_compute_is_upper_bound(true);
  *round.add_nodes() = Node("budapest.example", "HUN", 0.05);
  round.mutable_nodes(0)->mutable_footprint()->set_compute_us(31'000'000);
  round.mutable_nodes(0)->mutable_footprint()->set_compute_is_upper_bound(true);
  *round.add_nodes() = Node("zurich.example", "CHE", 0.05);
  round.mutable_nodes(1)->mutable_footprint()->set_compute_us(31'000'000);
  EXPECT_THAT(RoundText(round, Style()), HasSubstr(R"(
Compute time of       wall     CPU  accelerator
budapest.example  ≤ 31.0 s  10.0 s         0 ms
zurich.example      31.0 s  10.0 s         0 ms
≤: at most. )"));
}

TEST(NodeText, SaysOfEachKindHowLongItComputed) {
  v1::NodeRounds rounds;
  *rounds.mutable_node() = Node("budapest.example", "HUN", 0.05);
  rounds.mutable_node()->mutable_footprint()->set_compute_is_upper_bound(true);
  v1::KindUsage& train = *rounds.mutable_node()->add_kinds();
  train.set_kind(v1::SPAN_KIND_TRAIN);
  train.set_spans(5);
  train.set_wall_us(31'000'000);
  train.set_wall_is_upper_bound(true);
  EXPECT_THAT(NodeText(rounds, Style()), HasSubstr("≤ 31.0 s"));
  EXPECT_THAT(NodeText(rounds, Style()), HasSubstr("≤: at most."));
}

TEST(RunText, EveryLineFitsTheTerminal) {
  for (const size_t width : {80, 120}) {
    Style style;
    style.width = width;
    for (const absl::string_view line : absl::StrSplit(RunText(Hearts(), style), '\n')) {
      EXPECT_LE(Width(line), width) << line;
    }
  }
}

TEST(RunText, NamesFromElsewhereCannotSteerTheTerminal) {
  v1::WatchRunResponse run = Hearts();
  run.mutable_run()->mutable_run()->set_name("\x1b]0;owned\x07<script>");
  run.mutable_run()->add_warnings("\x1b[2J");
  run.mutable_run()->mutable_gaps(0)->mutable_gap()->set_detail("\x1b[31m");
  const std::string text = RunText(run, Style());
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("\\x1B]0;owned\\x07<script>"));
}

TEST(RunText, ColourIsUsedOnlyWhereAllowed) {
  Style style;
  EXPECT_THAT(RunText(Hearts(), style), Not(HasSubstr("\x1b")));
  style.color = true;
  EXPECT_THAT(RunText(Hearts(), style), HasSubstr("\x1b[1mRounds"));
}

TEST(RunText, EndsWithCumulatorsTextBlock) {
  v1::WatchRunResponse run = Hearts();
  run.mutable_run()->set_summary_text("########\n");
  EXPECT_THAT(RunText(run, Style()), ::testing::EndsWith("\n########\n"));
}

TEST(RunCsv, HasUnitsInItsHeaderAndOneWidth) {
  std::vector<std::string> lines = absl::StrSplit(RunCsv(Hearts()), '\n');
  ASSERT_EQ(lines.size(), 1u + 1 + 12 + 5 + 4 + 4 + 4 + 1);
  EXPECT_THAT(lines[0], HasSubstr("computation_low_g,computation_g,computation_high_g"));
  EXPECT_THAT(lines[1], HasSubstr("7c9e6679-7425-40de-944b-e07fc1f90ae7,run,,,,0.95,1.9,3.8,"));
  EXPECT_THAT(lines[2], HasSubstr(",round,1,"));
  EXPECT_THAT(
      lines[23],
      HasSubstr(",waste_repeated,,,,,,,0.00216,0.0216,0.108,0.00216,0.0216,0.108,false,false,44444444,"));
  EXPECT_THAT(lines[29], HasSubstr(",unattributed_federation_waste_heartbeat,,,,,,,1e-05,"));
  lines.pop_back();
  for (const std::string& line : lines) EXPECT_EQ(std::count(line.begin(), line.end(), ','), 23) << line;
}

TEST(TransferText, MarksWhatIsToBeKnown) {
  v1::TransferPair pair;
  pair.set_client("cardiology.hospital.budapest.example");
  pair.set_method("/demo.Training/\x1b[31m");
  pair.mutable_client_entry()->set_start_us(1'717'243'200'000'000);
  pair.mutable_client_entry()->set_status(15);
  pair.mutable_client_entry()->set_sent_message_bytes(100'000);
  pair.set_unconfirmed(true);
  pair.set_attempt(1);
  EXPECT_EQ(TransferText(pair, Style()),
            "2024-06-01T12:00:00Z  cardiology.hospital.budapest.example -> (unknown)\n"
            "  /demo.Training/\\x1B[31m, no round, 0 ms, status 14, attempt 2\n"
            "  client 100,000 / ?, server - [unconfirmed, one end]\n");
  EXPECT_EQ(TransferCsv(pair).find("2024-06-01T12:00:00.000000Z,,,cardiology"), 0u);
}

}  // namespace
}  // namespace fedcarbon::cli
