#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "fedcarbon/report/batch_builder.h"
#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/text/names.h"
#include "tests/unit/report/random_facts.h"

namespace fedcarbon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const BatchId kId{"hospital-a.example", 0x1122334455667788, 7};
const absl::Time kSealed = absl::FromUnixMicros(1'790'000'000'123'456);

SealTime Sealing() { return {kSealed, absl::Hours(3), "6fb2f0a4-4d4b-4b4c-8a3e-0d7c7c0d5a11"}; }

/// As a federation of a few nodes records it: a 1 MB model up and down, a random call id.
Transfer RealisticTransfer(std::mt19937_64* random) {
  Transfer transfer;
  transfer.call_id = (*random)();
  transfer.end = v1::END_CLIENT;
  transfer.observer = v1::OBSERVER_INTERCEPTOR;
  transfer.peer = "aggregator.example.org";
  transfer.method = "/fedcarbon.demo.v1.Federation/FitRound";
  transfer.round = {"0b7a9f0e-7f5c-4c51-9d4c-3f0f6a1e2b3c", 12};
  transfer.start = kSealed - absl::Microseconds((*random)() % 1'000'000);
  transfer.duration = absl::Microseconds(1'000 + (*random)() % 200'000);
  transfer.status = 0;
  transfer.sent = {1, Bytes(1'000'000 + (*random)() % 1'000), {}, {}, v1::COUNT_KIND_SERIALIZED};
  transfer.received = {1, Bytes(1'000'000 + (*random)() % 1'000), {}, {}, v1::COUNT_KIND_REENCODED};
  return transfer;
}

std::string SealTransfers(int count) {
  std::mt19937_64 random(1);
  BatchBuilder builder(kMaxSealedBatchBytes);
  for (int i = 0; i < count; ++i) EXPECT_TRUE(builder.Add(RealisticTransfer(&random)));
  return builder.Seal(kId, Sealing());
}

std::string SealOne(const Fact& fact) {
  BatchBuilder builder(kMaxSealedBatchBytes);
  EXPECT_TRUE(builder.Add(fact));
  return builder.Seal(kId, Sealing());
}

v1::Batch ReadBatch(const std::string& sealed) {
  const auto opened = OpenSealedBatch(sealed);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? opened->batch : v1::Batch();
}

std::string Envelope(const v1::Batch& batch) {
  v1::SealedBatch sealed;
  sealed.set_batch(batch.SerializeAsString());
  return sealed.SerializeAsString();
}

TEST(BatchTest, OneMoreTransferCostsAtMostFortyBytes) {
  const double average = static_cast<double>(SealTransfers(200).size()) / 200;
  const double marginal = static_cast<double>(SealTransfers(400).size() - SealTransfers(200).size()) / 200;
  std::printf("bytes per transfer: %.1f in a batch of 200, %.1f per further one\n", average, marginal);
  RecordProperty("bytes_per_transfer_of_200", std::to_string(average));
  EXPECT_LE(average, 40);
  EXPECT_LE(marginal, 40);
}

TEST(BatchTest, TransfersOfOneContextShareAGroup) {
  EXPECT_EQ(ReadBatch(SealTransfers(200)).transfers_size(), 1);
}

TEST(BatchTest, WasteStandsInAGroupOfItsOwn) {
  Transfer repeated;
  repeated.waste = v1::WASTE_REPEATED;
  BatchBuilder builder(kMaxSealedBatchBytes);
  for (const Transfer& transfer : {Transfer(), repeated, repeated}) EXPECT_TRUE(builder.Add(transfer));
  const v1::Batch batch = ReadBatch(builder.Seal(kId, Sealing()));
  ASSERT_EQ(batch.transfers_size(), 2);
  EXPECT_EQ(batch.transfers(0).waste(), v1::WASTE_UNSPECIFIED);
  EXPECT_EQ(batch.transfers(1).waste(), v1::WASTE_REPEATED);
  EXPECT_EQ(batch.transfers(1).call_id_size(), 2);
}

TEST(BatchTest, FactThatJustFitsIsTakenAndOneByteLessRefusesIt) {
  std::mt19937_64 random(1);
  const Fact fact = RealisticTransfer(&random);
  size_t max_bytes = 1;
  while (!BatchBuilder(max_bytes).Add(fact)) ++max_bytes;
  BatchBuilder too_small(max_bytes - 1);
  EXPECT_FALSE(too_small.Add(fact));
  EXPECT_TRUE(too_small.empty());
  BatchBuilder builder(max_bytes);
  EXPECT_TRUE(builder.Add(fact));
  EXPECT_FALSE(builder.Add(fact)) << "a second one cannot fit";
  EXPECT_LE(builder.Seal(kId, Sealing()).size(), max_bytes);
}

TEST(BatchTest, LongestHeaderAndFarthestTimesStayWithinTheLimit) {
  const std::string label(63, 'a');
  const std::string node = label + "." + label + "." + label + "." + std::string(61, 'a');
  ASSERT_TRUE(IsNodeName(node));
  Transfer transfer;
  transfer.start = absl::FromUnixMicros(-(int64_t{1} << 60));
  transfer.duration = absl::InfiniteDuration();
  BatchBuilder builder(5'000);
  while (builder.Add(transfer)) {
    transfer.status.emplace(transfer.status.value_or(-1) + 1);
    ++transfer.call_id;
  }
  const std::string sealed =
      builder.Seal({node, UINT64_MAX, UINT64_MAX},
                   {absl::InfiniteFuture(), absl::InfiniteDuration(), std::string(99, 'b')});
  EXPECT_LE(sealed.size(), 5'000u);
  const auto opened = OpenSealedBatch(sealed);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->batch.boot_id().size(), 64u);
}

TEST(BatchTest, LargestSealedBatchOpensAndOneByteMoreIsResourceExhausted) {
  v1::SealedBatch sealed;
  ASSERT_TRUE(sealed.ParseFromString(SealTransfers(200)));
  sealed.set_signature(std::string(kMaxSealedBatchBytes - sealed.ByteSizeLong() - 4, 's'));
  ASSERT_EQ(sealed.ByteSizeLong(), kMaxSealedBatchBytes);
  const auto opened = OpenSealedBatch(sealed.SerializeAsString());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->is_signed);
  sealed.mutable_signature()->push_back('s');
  EXPECT_EQ(OpenSealedBatch(sealed.SerializeAsString()).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(BatchTest, FactThatFitsNoBatchIsRefusedByAnEmptyOne) {
  v1::Node node;
  for (int i = 0; i < 300; ++i) node.add_accelerators()->set_model(std::string(256, 'm'));
  BatchBuilder builder(kMaxSealedBatchBytes);
  EXPECT_FALSE(builder.Add(node));
  EXPECT_TRUE(builder.empty());
}

TEST(BatchTest, NamesOutsideTheLimitsAreNotAdmitted) {
  Transfer transfer;
  transfer.method = "/package.Service/Method?patient=17";
  transfer.peer = "Not A Node";
  transfer.round = {"run with spaces", 3};
  const auto opened = OpenSealedBatch(SealOne(transfer));
  ASSERT_TRUE(opened.ok());
  const std::vector<Transfer> read = ExpandTransfers(*opened);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].method, kOtherMethod);
  EXPECT_EQ(read[0].peer, "");
  EXPECT_EQ(read[0].round, (RoundId{"", 3}));
  EXPECT_THAT(opened->batch.strings(), ElementsAre("other"));
}

TEST(BatchTest, AConnectionsPeerIsAdmittedAndInternedAsATransfersIs) {
  Transfer transfer;
  transfer.method = "/package.Service/Method";
  transfer.peer = "aggregator";
  Connection known;
  known.peer = "aggregator";
  Connection unknown;
  unknown.peer = "Not A Node";
  unknown.protocol = std::string(kMaxTextBytes + 1, 'p');
  BatchBuilder builder(kMaxSealedBatchBytes);
  for (const Fact& fact : {Fact(transfer), Fact(known), Fact(unknown)}) EXPECT_TRUE(builder.Add(fact));
  const v1::Batch batch = ReadBatch(builder.Seal(kId, Sealing()));
  EXPECT_THAT(batch.strings(), ElementsAre("/package.Service/Method", "aggregator"));
  EXPECT_EQ(batch.connections(0).peer(), 2u);
  EXPECT_EQ(batch.connections(1).peer(), 0u);
  EXPECT_EQ(batch.connections(1).protocol(), std::string(kMaxTextBytes, 'p'));
}

TEST(BatchTest, NamesOfConnectionsCountTowardsTheLimit) {
  BatchBuilder builder(5'000);
  Connection connection;
  for (int i = 0; builder.Add(connection); ++i) connection.peer = absl::StrCat("node-", i, ".example.org");
  EXPECT_LE(builder.Seal(kId, Sealing()).size(), 5'000u);
}

TEST(BatchTest, RoundAboveTheGreatestIsUnknown) {
  for (const uint64_t round : {kMaxRound, kMaxRound + 1}) {
    const bool is_known = round == kMaxRound;
    const RoundId id{"run", round};
    BatchBuilder builder(kMaxSealedBatchBytes);
    Transfer transfer;
    transfer.round = id;
    Span span;
    span.round = id;
    Usage usage;
    usage.round = id;
    RoundEvent event;
    event.run = id.run;
    event.round = round;
    EXPECT_TRUE(builder.Add(transfer));
    EXPECT_TRUE(builder.Add(span));
    EXPECT_TRUE(builder.Add(usage));
    EXPECT_TRUE(builder.Add(Binding{1, id}));
    EXPECT_EQ(builder.Add(event), is_known) << "a round event of no round says nothing";
    const v1::Batch batch = ReadBatch(builder.Seal(kId, Sealing()));
    EXPECT_EQ(batch.transfers(0).has_round(), is_known);
    EXPECT_EQ(batch.spans(0).has_round(), is_known);
    EXPECT_EQ(batch.usages(0).has_round(), is_known);
    EXPECT_EQ(batch.bindings(0).has_round(), is_known);
    EXPECT_EQ(batch.strings(static_cast<int>(batch.transfers(0).run()) - 1), "run");
  }
}

TEST(BatchTest, UnknownMessageBytesAreNotZeroBytes) {
  Transfer unknown;
  Transfer zero;
  zero.sent.message_bytes = Bytes(0);
  BatchBuilder builder(kMaxSealedBatchBytes);
  ASSERT_TRUE(builder.Add(unknown));
  ASSERT_TRUE(builder.Add(zero));
  const std::vector<Transfer> read = ExpandTransfers(*OpenSealedBatch(builder.Seal(kId, Sealing())));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].sent.message_bytes, std::nullopt);
  EXPECT_EQ(read[1].sent.message_bytes, Bytes(0));
}

TEST(BatchTest, TextIsCutBetweenCharactersAndAlwaysUtf8) {
  RunEvent event;
  event.name = std::string(255, 'x') + "é";
  EXPECT_EQ(ReadBatch(SealOne(event)).run_events(0).name(), std::string(255, 'x'));
  event.name = std::string(254, 'x') + "éy";
  EXPECT_EQ(ReadBatch(SealOne(event)).run_events(0).name(), std::string(254, 'x') + "é");
  event.name = "a\xff\xc3(\xed\xa0\x80\xf0\x9f\x8c\xb1\xf5\xe2\x82";
  EXPECT_EQ(ReadBatch(SealOne(event)).run_events(0).name(),
            "a??"
            "(???\xf0\x9f\x8c\xb1???");
}

TEST(BatchTest, NewerFormatIsAFailedPrecondition) {
  v1::Batch batch = ReadBatch(SealTransfers(1));
  batch.set_format(kBatchFormat + 1);
  const absl::Status status = OpenSealedBatch(Envelope(batch)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 2"));
}

TEST(BatchTest, MalformedBatchIsRefusedWithItsPlace) {
  struct Case {
    const char* place;
    std::function<void(v1::Batch*)> damage;
  };
  const Case cases[] = {
      {"format", [](v1::Batch* b) { b->set_format(0); }},
      {"node", [](v1::Batch* b) { b->set_node("Upper"); }},
      {"epoch", [](v1::Batch* b) { b->set_epoch(0); }},
      {"sequence", [](v1::Batch* b) { b->set_sequence(0); }},
      {"wall_time_us", [](v1::Batch* b) { b->set_wall_time_us(INT64_MIN); }},
      {"boot_id", [](v1::Batch* b) { b->set_boot_id(std::string(65, 'b')); }},
      {"transfers[0].method", [](v1::Batch* b) { b->mutable_transfers(0)->set_method(4); }},
      {"transfers[0].peer", [](v1::Batch* b) { b->mutable_transfers(0)->set_peer(UINT32_MAX); }},
      {"transfers[0].run", [](v1::Batch* b) { b->set_strings(2, "a b"); }},
      {"transfers[0].method", [](v1::Batch* b) { b->set_strings(0, "<markup>"); }},
      {"transfers[0].call_id", [](v1::Batch* b) { b->mutable_transfers(0)->clear_call_id(); }},
      {"transfers[0].start_us", [](v1::Batch* b) { b->mutable_transfers(0)->clear_start_us(); }},
      {"transfers[0].sent_message_bytes",
       [](v1::Batch* b) { b->mutable_transfers(0)->add_sent_message_bytes(1); }},
      {"transfers[0].duration_us",
       [](v1::Batch* b) { b->mutable_transfers(0)->set_duration_us(0, UINT64_MAX); }},
      {"transfers[0].status", [](v1::Batch* b) { b->mutable_transfers(0)->set_status(0, 18); }},
      {"spans[0].run", [](v1::Batch* b) { b->add_spans()->set_run(9); }},
      {"usages[0].cpu_us", [](v1::Batch* b) { b->add_usages()->set_cpu_us(UINT64_MAX); }},
      {"run_events[0].name", [](v1::Batch* b) { b->add_run_events()->set_name(std::string(257, 'x')); }},
      {"round_events[0].run", [](v1::Batch* b) { b->add_round_events()->set_run(9); }},
      {"energies[0].run", [](v1::Batch* b) { b->add_energies()->set_run(9); }},
      {"connections[0].peer", [](v1::Batch* b) { b->add_connections()->set_peer(9); }},
      {"connections[0].protocol",
       [](v1::Batch* b) { b->add_connections()->set_protocol(std::string(257, 'x')); }},
      {"connections[0].duration_us", [](v1::Batch* b) { b->add_connections()->set_duration_us(UINT64_MAX); }},
      {"bindings[0].run", [](v1::Batch* b) { b->add_bindings()->set_run(9); }},
      {"clocks[0].round_trip_us", [](v1::Batch* b) { b->add_clocks()->set_round_trip_us(UINT64_MAX); }},
      {"gaps[0].detail", [](v1::Batch* b) { b->add_gaps()->set_detail(std::string(257, 'x')); }},
      {"overheads[0].wall_us", [](v1::Batch* b) { b->add_overheads()->set_wall_us(UINT64_MAX); }},
      {"nodes[0].cpu_model", [](v1::Batch* b) { b->add_nodes()->set_cpu_model(std::string(257, 'x')); }},
  };
  for (const Case& c : cases) {
    v1::Batch batch = ReadBatch(SealTransfers(2));
    c.damage(&batch);
    const absl::Status status = OpenSealedBatch(Envelope(batch)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.place;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.place));
  }
}

TEST(BatchTest, UnknownFieldsSurviveAndAreCounted) {
  v1::Batch batch = ReadBatch(SealTransfers(1));
  batch.GetReflection()->MutableUnknownFields(&batch)->AddVarint(9'000, 5);
  v1::Transfers* const group = batch.mutable_transfers(0);
  group->GetReflection()->MutableUnknownFields(group)->AddLengthDelimited(9'001, "newer");
  const v1::Batch read = ReadBatch(Envelope(batch));
  EXPECT_EQ(CountUnknownFields(read), 2u);
  EXPECT_THAT(read.SerializeAsString(), HasSubstr("newer"));
  EXPECT_EQ(CountUnknownFields(ReadBatch(SealTransfers(1))), 0u);
}

// What a hostile batch can make the reader hold: each empty group costs its writer three bytes.
TEST(BatchTest, MemoryIsBoundedWhateverTheBytes) {
  v1::Batch batch;
  batch.set_format(kBatchFormat);
  batch.set_node(kId.node);
  batch.set_epoch(kId.epoch);
  batch.set_sequence(kId.sequence);
  for (size_t i = 0; i < kMaxSealedBatchBytes / 3 - 20; ++i) batch.add_transfers();
  ASSERT_LE(Envelope(batch).size(), kMaxSealedBatchBytes);
  EXPECT_LE(batch.SpaceUsedLong(), 20u << 20);
  EXPECT_EQ(OpenSealedBatch(Envelope(batch)).status().code(), absl::StatusCode::kInvalidArgument);
}

// Written once in format 1, by protoc, and never to be changed: what was stored must read for ever.
constexpr char kGoldenBatch[] =
    "0ac50408011212686f73706974616c2d612e6578616d706c65198877665544332211200728c0849fd1edff96033080d8eb9d"
    "283a2436666232663061342d346434622d346234632d386133652d30643763376330643561313142262f666564636172626f"
    "6e2e64656d6f2e76312e46656465726174696f6e2f466974526f756e64421661676772656761746f722e6578616d706c652e"
    "6f7267420b666c6f7765723a3132333482012c0a0348554e100118e2092203783836280830413880c0b2cd3b420a08021203"
    "67707518ac024a05302e312e308a0118080310fface204220d68656172742064697365617365280f920109080318ffa3e803"
    "20019a0182010801100218032000280130013801400248018201100100000000000000ffffffffffffffff8a0104bfee6d0a"
    "920105e80780897a9a01020002a201020100aa01020100b201100b000000000000000c00000000000000c201020102ca0104"
    "c0843d00d20104c5843d0ada01023233e201020304ea01020708f20102161cfa01023c3d9a010f8201086300000000000000"
    "8a010100a2011208011003180020ff9aee0228a0cb98013002aa01140801100320ff887a28c0843d30a0f73638a08d06b201"
    "15080110011803200228ff887a30c0843d38c0caba15ba0126094d000000000000001002180222026832280130ff887a38a0"
    "f73640f9843d4831500158a80bc2010d090b0000000000000010031804ca010908c70110872718a006d20115080110ff91f4"
    "0118ff887a200c2822320461776179da011008ff887a10c0843d188827202828b00412056b65792d31180122097369676e61"
    "74757265";

TEST(BatchTest, GoldenBatchOfFormatOneReads) {
  const auto opened = OpenSealedBatch(absl::HexStringToBytes(kGoldenBatch));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->is_signed);
  EXPECT_EQ(opened->id(), kId);
  EXPECT_EQ(CountUnknownFields(opened->batch), 0u);
  const absl::Time sealed = opened->time(0);
  EXPECT_EQ(sealed, kSealed);

  v1::Node node;
  node.set_country("HUN");
  node.set_link(v1::LINK_KIND_FIXED);
  node.set_pue_thousandths(1250);
  node.set_cpu_model("x86");
  node.set_cpu_cores(8);
  node.set_cpu_tdp_watts(65);
  node.set_memory_bytes(16'000'000'000);
  v1::Accelerator* const accelerator = node.add_accelerators();
  accelerator->set_count(2);
  accelerator->set_model("gpu");
  accelerator->set_tdp_watts(300);
  node.set_software_version("0.1.0");
  const std::string run = "flower:1234";
  Transfer first;
  first.call_id = 1;
  first.end = v1::END_CLIENT;
  first.observer = v1::OBSERVER_INTERCEPTOR;
  first.part = 1;
  first.peer = "aggregator.example.org";
  first.method = "/fedcarbon.demo.v1.Federation/FitRound";
  first.round = {run, 0};
  first.binding = 11;
  first.start = sealed - absl::Milliseconds(900);
  first.duration = absl::Milliseconds(1);
  first.status = 0;
  first.answered = false;
  first.sent = {1, Bytes(1'000'000), Bytes(1'000'005), Bytes(50), v1::COUNT_KIND_SERIALIZED};
  first.received = {3, Bytes(7), Bytes(22), Bytes(60), v1::COUNT_KIND_REENCODED};
  Transfer second = first;
  second.call_id = UINT64_MAX;
  second.attempt = 2;
  second.part = 0;
  second.binding = 12;
  second.start = sealed + absl::Microseconds(5);
  second.duration = absl::Seconds(2);
  second.status.reset();
  second.sent = {2, Bytes(0), Bytes(10), Bytes(51), v1::COUNT_KIND_SERIALIZED};
  second.received = {4, Bytes(8), Bytes(28), Bytes(61), v1::COUNT_KIND_REENCODED};
  Transfer bare;
  bare.call_id = 99;
  bare.start = sealed;
  Connection connection;
  connection.id = 77;
  connection.peer = "aggregator.example.org";
  connection.end = v1::END_SERVER;
  connection.protocol = "h2";
  connection.part = 1;
  connection.start = sealed - absl::Seconds(1);
  connection.duration = absl::Milliseconds(900);
  connection.sent = Bytes(1'000'057);
  connection.received = Bytes(49);
  connection.handshakes = 1;
  connection.retransmitted = Bytes(1'448);
  const std::vector<Fact> expected = {
      first,
      second,
      bare,
      Span{v1::SPAN_KIND_TRAIN, {run, 0}, sealed - absl::Seconds(3), absl::Seconds(2.5), v1::OUTCOME_FAILED},
      Usage{v1::SPAN_KIND_TRAIN,
            {run, {}},
            sealed - absl::Seconds(1),
            absl::Seconds(1),
            absl::Milliseconds(900),
            absl::Milliseconds(100)},
      connection,
      RunEvent{run, sealed - absl::Seconds(5), v1::OUTCOME_UNSPECIFIED, "heart disease", 15},
      RoundEvent{run, 0, sealed - absl::Seconds(4), v1::OUTCOME_COMPLETED},
      node,
      Binding{11, {run, 4}},
      ClockReading{sealed - absl::Microseconds(100), absl::Microseconds(-2500), absl::Microseconds(800)},
      Gap{v1::Gap::REASON_QUEUE_FULL, sealed - absl::Seconds(2), sealed - absl::Seconds(1), 12, Bytes(34),
          "away"},
      Overhead{sealed - absl::Seconds(1), absl::Seconds(1), Bytes(5000), Bytes(40), Bytes(560)},
  };
  const std::vector<Fact> read = testing::AllFacts(*opened);
  ASSERT_EQ(read.size(), expected.size());
  for (size_t i = 0; i < read.size(); ++i) EXPECT_TRUE(testing::Same(read[i], expected[i])) << i;

  ASSERT_EQ(opened->batch.energies_size(), 1);
  EXPECT_EQ(opened->batch.energies(0).source(), v1::Energy::SOURCE_PACKAGE);
  EXPECT_EQ(opened->batch.energies(0).energy_uj(), 45'000'000u);
  EXPECT_EQ(opened->batch.energies(0).round(), 2u);
}

}  // namespace
}  // namespace fedcarbon
