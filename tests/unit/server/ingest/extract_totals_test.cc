// The deltas of hand-made batches, worked out by hand.
#include "server/ingest/extract_totals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fedcarbon/report/fact_lists.h"

namespace fedcarbon::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kEpoch = 7;
constexpr int64_t kHourUs = 3'600'000'000;
constexpr Hour kHour = 480'000;

// Sealed half an hour into kHour; strings: 1 "method", 2 "b.example", 3 "run".
OpenedBatch EmptyBatch() {
  OpenedBatch opened;
  opened.batch.set_format(1);
  opened.batch.set_node("a.example");
  opened.batch.set_epoch(kEpoch);
  opened.batch.set_sequence(1);
  opened.batch.set_wall_time_us(kHour * kHourUs + kHourUs / 2);
  for (const char* text : {"method", "b.example", "run"}) opened.batch.add_strings(text);
  return opened;
}

// A group without rows: a client's calls to b.example in the run's round 4.
v1::Transfers* AddGroup(OpenedBatch* opened) {
  v1::Transfers* group = opened->batch.add_transfers();
  group->set_method(1);
  group->set_peer(2);
  group->set_run(3);
  group->set_round(4);
  group->set_end(v1::END_CLIENT);
  group->set_observer(v1::OBSERVER_INTERCEPTOR);
  return group;
}

void AddRow(v1::Transfers* group, int64_t start_us, uint64_t sent, uint64_t received) {
  group->add_call_id(group->call_id_size() + 1);
  group->add_start_us(start_us);
  group->add_sent_messages(1);
  group->add_sent_message_bytes(sent);
  group->add_received_messages(2);
  group->add_received_message_bytes(received);
}

EdgeKey SentKey() {
  return {{"run", 4}, "a.example",           "b.example", true, v1::OBSERVER_INTERCEPTOR,
          true,       v1::WASTE_UNSPECIFIED, kHour,       0,    0};
}
EdgeKey ReceivedKey() {
  return {{"run", 4}, "b.example",           "a.example", false, v1::OBSERVER_INTERCEPTOR,
          true,       v1::WASTE_UNSPECIFIED, kHour,       0,     0};
}

TotalsDelta ExtractOk(const OpenedBatch& opened) {
  const absl::StatusOr<TotalsDelta> delta = ExtractTotals(opened);
  EXPECT_TRUE(delta.ok()) << delta.status();
  return delta.value_or(TotalsDelta());
}

TEST(ExtractTotals, TransferGivesTwoDirections) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  AddRow(group, 0, 100, 30);
  AddRow(group, 0, 10, 3);
  group->add_sent_encoded_bytes(105);
  group->add_sent_encoded_bytes(15);
  group->add_received_header_bytes(7);
  group->add_received_header_bytes(8);
  const TotalsDelta delta = ExtractOk(opened);
  ASSERT_THAT(delta.edges, SizeIs(2));
  const EdgeTotals& sent = delta.edges.at(SentKey());
  EXPECT_EQ(sent.transfers, 2u);
  EXPECT_EQ(sent.requests, 2u);
  EXPECT_EQ(sent.responses, 0u);
  EXPECT_EQ(sent.messages, 2u);
  EXPECT_EQ(sent.message.bytes, Bytes(110));
  EXPECT_EQ(sent.message.transfers, 2u);
  EXPECT_EQ(sent.encoded.bytes, Bytes(120));
  EXPECT_EQ(sent.encoded.transfers, 2u);
  EXPECT_EQ(sent.header.transfers, 0u) << "not seen";
  const EdgeTotals& received = delta.edges.at(ReceivedKey());
  EXPECT_EQ(received.transfers, 2u);
  EXPECT_EQ(received.requests, 0u);
  EXPECT_EQ(received.responses, 2u);
  EXPECT_EQ(received.messages, 4u);
  EXPECT_EQ(received.message.bytes, Bytes(33));
  EXPECT_EQ(received.encoded.transfers, 0u) << "not seen";
  EXPECT_EQ(received.header.bytes, Bytes(15));
}

TEST(ExtractTotals, ServerSendsTheResponses) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  group->set_end(v1::END_SERVER);
  AddRow(group, 0, 100, 30);
  const TotalsDelta delta = ExtractOk(opened);
  EXPECT_EQ(delta.edges.at(SentKey()).responses, 1u);
  EXPECT_EQ(delta.edges.at(SentKey()).requests, 0u);
  EXPECT_EQ(delta.edges.at(ReceivedKey()).requests, 1u);
}

TEST(ExtractTotals, LaterPartsOfACallAreNoFurtherCalls) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  for (const uint32_t part : {0, 1, 2}) {
    AddRow(group, 0, 100, 30);
    group->add_part(part);
  }
  const TotalsDelta delta = ExtractOk(opened);
  EXPECT_EQ(delta.edges.at(SentKey()).transfers, 3u);
  EXPECT_EQ(delta.edges.at(SentKey()).requests, 1u);
}

TEST(ExtractTotals, HourIsThatOfTheStart) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  AddRow(group, -kHourUs / 2, 1, 0);      // the first microsecond of the hour
  AddRow(group, -kHourUs / 2 - 1, 2, 0);  // the last one before it
  AddRow(group, kHourUs / 2 - 1, 4, 0);
  AddRow(group, kHourUs / 2, 8, 0);
  const TotalsDelta delta = ExtractOk(opened);
  EdgeKey key = SentKey();
  EXPECT_EQ(delta.edges.at(key).message.bytes, Bytes(5));
  key.hour = kHour - 1;
  EXPECT_EQ(delta.edges.at(key).message.bytes, Bytes(2));
  key.hour = kHour + 1;
  EXPECT_EQ(delta.edges.at(key).message.bytes, Bytes(8));
}

TEST(ExtractTotals, HoursBefore1970CountDown) {
  OpenedBatch opened = EmptyBatch();
  opened.batch.set_wall_time_us(-1);
  AddRow(AddGroup(&opened), 0, 1, 0);
  EXPECT_EQ(ExtractOk(opened).edges.begin()->first.hour, -1);
}

TEST(ExtractTotals, UnansweredPeerlessAndRoundlessStandApart) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  group->set_unanswered(true);
  group->clear_peer();
  group->clear_round();
  AddRow(group, 0, 1, 0);
  const EdgeKey key = ExtractOk(opened).edges.rbegin()->first;
  EXPECT_FALSE(key.answered);
  EXPECT_EQ(key.to, "");
  EXPECT_EQ(key.round, (RoundId{"run", std::nullopt}));
}

// Waste: what the observer said, else what status and attempt show.

TEST(ExtractTotals, WasteIsWhatTheObserverSaidElseAFailureElseAnAttempt) {
  constexpr uint32_t kGoesOn = 0;
  constexpr uint32_t kOk = 1;
  constexpr uint32_t kCancelled = 2;
  struct Case {
    v1::Waste said;
    uint32_t status;
    uint32_t attempt;
    v1::Waste expected;
  };
  const Case cases[] = {
      {v1::WASTE_UNSPECIFIED, kOk, 0, v1::WASTE_UNSPECIFIED},
      {v1::WASTE_UNSPECIFIED, kGoesOn, 0, v1::WASTE_UNSPECIFIED},
      {v1::WASTE_UNSPECIFIED, kCancelled, 0, v1::WASTE_FAILED},
      {v1::WASTE_UNSPECIFIED, kCancelled, 1, v1::WASTE_FAILED},
      {v1::WASTE_UNSPECIFIED, kOk, 1, v1::WASTE_RETRY},
      {v1::WASTE_UNSPECIFIED, kGoesOn, 1, v1::WASTE_RETRY},
      {v1::WASTE_REPEATED, kOk, 0, v1::WASTE_REPEATED},
      {v1::WASTE_POLL, kCancelled, 0, v1::WASTE_POLL},
      {v1::WASTE_HEARTBEAT, kOk, 1, v1::WASTE_HEARTBEAT},
      {static_cast<v1::Waste>(v1::Waste_ARRAYSIZE), kOk, 0, v1::WASTE_UNSPECIFIED},
      {static_cast<v1::Waste>(v1::Waste_ARRAYSIZE), kCancelled, 0, v1::WASTE_FAILED},
  };
  for (const Case& c : cases) {
    OpenedBatch opened = EmptyBatch();
    v1::Transfers* group = AddGroup(&opened);
    group->set_waste(c.said);
    AddRow(group, 0, 100, 30);
    group->add_status(c.status);
    group->add_attempt(c.attempt);
    const TotalsDelta delta = ExtractOk(opened);
    EdgeKey sent = SentKey();
    EdgeKey received = ReceivedKey();
    sent.waste = received.waste = c.expected;
    SCOPED_TRACE(testing::Message() << v1::Waste_Name(c.said) << ", status " << c.status << ", attempt "
                                    << c.attempt);
    ASSERT_EQ(delta.edges.count(sent), 1u);
    EXPECT_EQ(delta.edges.at(received).message.bytes, Bytes(30));
    EXPECT_THAT(delta.edges, SizeIs(2));
  }
}

TEST(ExtractTotals, RowsOfAGroupCountEachAsWhatTheyAre) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  for (const uint32_t status : {1, 15, 1, 15}) {
    AddRow(group, 0, status, 0);
    group->add_status(status);
  }
  const TotalsDelta delta = ExtractOk(opened);
  EdgeKey key = SentKey();
  EXPECT_EQ(delta.edges.at(key).message.bytes, Bytes(2));
  key.waste = v1::WASTE_FAILED;
  EXPECT_EQ(delta.edges.at(key).message.bytes, Bytes(30));
}

TEST(ExtractTotals, PartsBeforeAFailureAreNoFailedOnes) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  for (const uint32_t part : {0, 1}) {
    AddRow(group, 0, 100 + part, 0);
    group->add_part(part);
    group->add_status(part == 0 ? 0 : 15);
  }
  const TotalsDelta delta = ExtractOk(opened);
  EXPECT_EQ(delta.edges.at(SentKey()).message.bytes, Bytes(100));
}

TEST(ExtractTotals, RoundWithoutARunIsNoRound) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  group->clear_run();
  AddRow(group, 0, 1, 0);
  EXPECT_EQ(ExtractOk(opened).edges.begin()->first.round, RoundId());
}

TEST(ExtractTotals, BindingKeyIsKeptWhileTheRoundIsUnknown) {
  OpenedBatch opened = EmptyBatch();
  for (const bool known : {true, false}) {
    v1::Transfers* group = AddGroup(&opened);
    if (!known) group->clear_round();
    for (const uint64_t binding : {9, 0}) {
      AddRow(group, 0, 1, 0);
      group->add_binding(binding);
    }
  }
  std::vector<std::pair<uint64_t, uint64_t>> keys;
  for (const auto& [key, totals] : ExtractOk(opened).edges) {
    if (key.reported_by_sender) keys.push_back({key.epoch, key.binding});
  }
  EXPECT_THAT(keys, ElementsAre(std::pair(0u, 0u), std::pair(kEpoch, 9u), std::pair(0u, 0u)));
}

TEST(ExtractTotals, TransfersThatAwaitABindingLeaveTheirTimes) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  group->clear_run();
  group->clear_round();
  for (const int64_t start_us : {50, 20, 90}) {
    AddRow(group, start_us, 1, 0);
    group->add_duration_us(5);
    group->add_binding(start_us == 90 ? 0 : 9);
  }
  const TotalsDelta delta = ExtractOk(opened);
  ASSERT_THAT(delta.awaiting_times, SizeIs(1));
  EXPECT_EQ(delta.awaiting_times.at(9), std::pair(opened.time(20), opened.time(55)));
  EXPECT_THAT(delta.run_times, IsEmpty());
}

TEST(ExtractTotals, DirectionWithoutAMessageIsKnownWhereItsObserverSees) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  group->add_call_id(1);
  group->add_start_us(0);
  EXPECT_EQ(ExtractOk(opened).edges.at(SentKey()).message.transfers, 1u);
  EXPECT_EQ(ExtractOk(opened).edges.at(SentKey()).encoded.transfers, 0u);
  group->add_sent_messages(1);
  group->add_sent_message_bytes(10);
  EXPECT_EQ(ExtractOk(opened).edges.at(ReceivedKey()).message.transfers, 1u);
  EXPECT_EQ(ExtractOk(opened).edges.at(ReceivedKey()).message.bytes, Bytes(0));
  EXPECT_EQ(ExtractOk(opened).edges.at(ReceivedKey()).header.transfers, 0u);
  group->add_received_messages(1);
  EXPECT_EQ(ExtractOk(opened).edges.at(ReceivedKey()).message.transfers, 0u);
}

TEST(ExtractTotals, ProxySeesMessageBytesOnlyWhereTheOtherDirectionShowsThem) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  group->set_observer(v1::OBSERVER_PROXY);
  group->add_call_id(1);
  group->add_start_us(0);
  group->add_sent_messages(1);
  group->add_sent_encoded_bytes(10);
  EdgeKey received = ReceivedKey();
  received.observer = v1::OBSERVER_PROXY;
  EXPECT_EQ(ExtractOk(opened).edges.at(received).encoded.transfers, 1u);
  EXPECT_EQ(ExtractOk(opened).edges.at(received).message.transfers, 0u);
  group->add_sent_message_bytes(20);
  EXPECT_EQ(ExtractOk(opened).edges.at(received).message.transfers, 1u);
}

TEST(ExtractTotals, PartThatHoldsSomeOfAMessageIsNotKnownToHoldNone) {
  OpenedBatch opened = EmptyBatch();
  v1::Transfers* group = AddGroup(&opened);
  group->set_observer(v1::OBSERVER_PROXY);
  group->add_call_id(1);
  group->add_start_us(0);
  group->add_sent_message_bytes(20);
  group->add_sent_encoded_bytes(25);
  group->add_received_encoded_bytes(10);  // of a compressed message that goes on
  EdgeKey sent = SentKey();
  EdgeKey received = ReceivedKey();
  sent.observer = received.observer = v1::OBSERVER_PROXY;
  const TotalsDelta delta = ExtractOk(opened);
  EXPECT_EQ(delta.edges.at(sent).message.transfers, 1u);
  EXPECT_EQ(delta.edges.at(received).message.transfers, 0u);
  EXPECT_EQ(delta.edges.at(received).encoded.transfers, 1u);
}

TEST(ExtractTotals, ConnectionGivesTwoDirectionsByTheHour) {
  OpenedBatch opened = EmptyBatch();
  const auto add = [&](uint32_t peer, int64_t start_us, uint64_t sent, uint64_t received) {
    v1::Connection* connection = opened.batch.add_connections();
    connection->set_peer(peer);
    connection->set_start_us(start_us);
    connection->set_sent_transport_bytes(sent);
    connection->set_received_transport_bytes(received);
    connection->set_retransmitted_bytes(1'000'000);
  };
  add(2, 0, 100, 30);
  add(2, kHourUs / 2 - 1, 10, 0);
  add(2, kHourUs / 2, 1, 0);
  add(0, 0, 0, 5);
  const TotalsDelta delta = ExtractOk(opened);
  ASSERT_THAT(delta.transport, SizeIs(4)) << "a direction without a byte is none";
  EXPECT_EQ(delta.transport.at({"a.example", "b.example", true, kHour}).transport, Bytes(110));
  EXPECT_EQ(delta.transport.at({"b.example", "a.example", false, kHour}).transport, Bytes(30));
  EXPECT_EQ(delta.transport.at({"a.example", "b.example", true, kHour + 1}).transport, Bytes(1));
  EXPECT_EQ(delta.transport.at({"", "a.example", false, kHour}).transport, Bytes(5));
  EXPECT_THAT(delta.edges, IsEmpty());
}

TEST(ExtractTotals, EncodedBytesOfAProxysTransfersStandBesideItsConnections) {
  OpenedBatch opened = EmptyBatch();
  for (const v1::Observer observer : {v1::OBSERVER_PROXY, v1::OBSERVER_PROXY, v1::OBSERVER_INTERCEPTOR}) {
    v1::Transfers* group = AddGroup(&opened);
    group->set_observer(observer);
    group->set_round(static_cast<uint64_t>(opened.batch.transfers_size()));
    AddRow(group, 0, 100, 30);
    group->add_sent_encoded_bytes(105);
  }
  v1::Connection* connection = opened.batch.add_connections();
  connection->set_peer(2);
  connection->set_sent_transport_bytes(300);
  const TotalsDelta delta = ExtractOk(opened);
  ASSERT_THAT(delta.transport, SizeIs(1));
  const TransportTotals& totals = delta.transport.at({"a.example", "b.example", true, kHour});
  EXPECT_EQ(totals.transport, Bytes(300));
  EXPECT_EQ(totals.encoded, Bytes(210));
}

TEST(ExtractTotals, SpansGiveWallTimeAndUsageTheRest) {
  OpenedBatch opened = EmptyBatch();
  for (int i = 0; i < 2; ++i) {
    v1::Span* span = opened.batch.add_spans();
    span->set_kind(v1::SPAN_KIND_TRAIN);
    span->set_run(3);
    span->set_round(0);
    span->set_wall_us(10);
    v1::Usage* usage = opened.batch.add_usages();
    usage->set_kind(v1::SPAN_KIND_TRAIN);
    usage->set_run(3);
    usage->set_round(0);
    usage->set_wall_us(1000);
    usage->set_cpu_us(20);
    usage->set_accelerator_us(5);
  }
  const TotalsDelta delta = ExtractOk(opened);
  ASSERT_THAT(delta.compute, SizeIs(1));
  const auto& [key, totals] = *delta.compute.begin();
  EXPECT_EQ(key.round, (RoundId{"run", 0}));
  EXPECT_EQ(key.node, "a.example");
  EXPECT_EQ(key.hour, kHour);
  EXPECT_EQ(totals.spans, 2u);
  EXPECT_EQ(totals.wall, absl::Microseconds(20));
  EXPECT_EQ(totals.cpu, absl::Microseconds(40));
  EXPECT_EQ(totals.accelerator, absl::Microseconds(10));
}

TEST(ExtractTotals, SpansTogetherAreAnUpperBoundIfOneIs) {
  OpenedBatch opened = EmptyBatch();
  for (const bool is_upper_bound : {false, true, false}) {
    v1::Span* span = opened.batch.add_spans();
    span->set_kind(v1::SPAN_KIND_TRAIN);
    span->set_is_upper_bound(is_upper_bound);
  }
  opened.batch.add_spans()->set_kind(v1::SPAN_KIND_EVALUATE);
  const TotalsDelta delta = ExtractOk(opened);
  ASSERT_THAT(delta.compute, SizeIs(2));
  EXPECT_TRUE(delta.compute.begin()->second.wall_is_upper_bound);
  EXPECT_FALSE(delta.compute.rbegin()->second.wall_is_upper_bound);
}

TEST(ExtractTotals, RunTimesSpanEveryFactThatNamesTheRun) {
  OpenedBatch opened = EmptyBatch();
  v1::RunEvent* start = opened.batch.add_run_events();
  start->set_run(3);
  start->set_time_us(-500);
  start->set_name("heart");
  start->set_planned_rounds(20);
  v1::Transfers* group = AddGroup(&opened);
  AddRow(group, -400, 1, 0);
  group->add_duration_us(1000);
  opened.batch.add_bindings()->set_key(9);
  opened.batch.mutable_bindings(0)->set_run(3);
  opened.batch.mutable_bindings(0)->set_round(2);
  const TotalsDelta delta = ExtractOk(opened);
  ASSERT_THAT(delta.run_times, SizeIs(1));
  EXPECT_EQ(delta.run_times.at("run").first, opened.time(-500));
  EXPECT_EQ(delta.run_times.at("run").second, opened.time(600));
  ASSERT_THAT(delta.run_events, SizeIs(1));
  EXPECT_EQ(delta.run_events[0].name, "heart");
  EXPECT_EQ(delta.run_events[0].planned_rounds, 20u);
  ASSERT_THAT(delta.bindings, SizeIs(1));
  EXPECT_EQ(delta.bindings[0].epoch, kEpoch);
  EXPECT_EQ(delta.bindings[0].binding.round, (RoundId{"run", 2}));
}

TEST(ExtractTotals, TheLastDescriptionAndClockCount) {
  OpenedBatch opened = EmptyBatch();
  opened.is_signed = true;
  for (const char* country : {"DEU", "FRA"}) opened.batch.add_nodes()->set_country(country);
  for (const int offset : {1, -2}) {
    v1::ClockReading* clock = opened.batch.add_clocks();
    clock->set_offset_us(offset);
    clock->set_round_trip_us(5);
  }
  v1::Gap* gap = opened.batch.add_gaps();
  gap->set_reason(v1::Gap::REASON_QUEUE_FULL);
  gap->set_from_us(-10);
  gap->set_facts(3);
  gap->set_bytes(4);
  gap->set_detail("full");
  v1::Overhead* overhead = opened.batch.add_overheads();
  overhead->set_report_sent_bytes(100);
  overhead->set_report_received_bytes(10);
  overhead->set_context_bytes(1);
  const TotalsDelta delta = ExtractOk(opened);
  EXPECT_TRUE(delta.is_signed);
  EXPECT_EQ(delta.description->country(), "FRA");
  EXPECT_EQ(delta.clock->offset, absl::Microseconds(-2));
  ASSERT_THAT(delta.gaps, SizeIs(1));
  EXPECT_EQ(delta.gaps[0].from, opened.time(-10));
  EXPECT_EQ(delta.gaps[0].facts, 3u);
  EXPECT_EQ(delta.overhead.at({"a.example", kHour}).report, Bytes(110));
  EXPECT_EQ(delta.overhead.at({"a.example", kHour}).context, Bytes(1));
}

TEST(ExtractTotals, EmptyBatchChangesNothing) {
  const TotalsDelta delta = ExtractOk(EmptyBatch());
  EXPECT_EQ(delta.node, "a.example");
  EXPECT_EQ(delta.epoch, kEpoch);
  EXPECT_THAT(delta.edges, IsEmpty());
  EXPECT_THAT(delta.run_times, IsEmpty());
  EXPECT_FALSE(delta.description.has_value());
}

TEST(ExtractTotals, GreatestRoundIsTakenAndOneMoreRefusedInEveryKindOfFact) {
  int kinds = 0;
  ForEachFactList([&](const auto& list) {
    OpenedBatch opened = EmptyBatch();
    google::protobuf::Message* const fact = (opened.batch.*list.mutate)()->Add();
    const google::protobuf::FieldDescriptor* const round = fact->GetDescriptor()->FindFieldByName("round");
    if (round == nullptr) return;
    ++kinds;
    const google::protobuf::Reflection& reflection = *fact->GetReflection();
    reflection.SetUInt32(fact, fact->GetDescriptor()->FindFieldByName("run"), 3);
    reflection.SetUInt64(fact, round, kMaxStored);
    EXPECT_TRUE(ExtractTotals(opened).ok()) << list.name;
    reflection.SetUInt64(fact, round, kMaxStored + 1);
    const absl::Status refused = ExtractTotals(opened).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << list.name;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(std::string(list.name) + "[0].round"));
  });
  EXPECT_EQ(kinds, 6);
}

TEST(ExtractTotals, GreatestRoundIsBookedAsItself) {
  OpenedBatch opened = EmptyBatch();
  v1::Span* const span = opened.batch.add_spans();
  span->set_run(3);
  span->set_round(kMaxStored);
  EXPECT_EQ(ExtractOk(opened).compute.begin()->first.round.round, kMaxStored);
}

TEST(ExtractTotals, GreatestSequenceIsTakenAndOneMoreRefused) {
  OpenedBatch opened = EmptyBatch();
  opened.batch.set_sequence(kMaxStored);
  EXPECT_TRUE(ExtractTotals(opened).ok());
  opened.batch.set_sequence(kMaxStored + 1);
  EXPECT_TRUE(absl::IsInvalidArgument(ExtractTotals(opened).status()));
}

}  // namespace
}  // namespace fedcarbon::server
