// What every store promises. Each test runs over each implementation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>

#include "server/store/memory_store.h"
#include "server/store/sqlite/sqlite_store.h"

namespace fedcarbon::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kEpoch = 0xfedcba9876543210;  // its highest bit is set
const absl::Time kNow = absl::UnixEpoch() + absl::Hours(480'000);

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<Store>(const std::string& folder)> open;
};

class StoreContract : public ::testing::TestWithParam<Implementation> {
 protected:
  StoreContract() {
    std::string pattern = ::testing::TempDir() + "store_contract_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    store_ = GetParam().open(folder_);
  }
  ~StoreContract() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // A batch without facts.
  static Submission Batch(uint64_t sequence, const std::string& node = "a.example", uint64_t epoch = kEpoch) {
    Submission submission;
    submission.id = {node, epoch, sequence};
    submission.received = kNow + absl::Seconds(sequence);
    submission.sealed = std::string("sealed\0", 7) + std::to_string(sequence);
    submission.delta.node = node;
    submission.delta.epoch = epoch;
    return submission;
  }

  // The same with one row of `bytes` from its node to b.example, as the sender saw it.
  static Submission EdgeBatch(uint64_t sequence, const RoundId& round, uint64_t bytes, uint64_t binding = 0) {
    Submission submission = Batch(sequence);
    AddEdge(&submission, round, bytes, binding);
    return submission;
  }

  static void AddEdge(Submission* submission, const RoundId& round, uint64_t bytes, uint64_t binding = 0) {
    EdgeKey key;
    key.round = round;
    key.from = submission->id.node;
    key.to = "b.example";
    key.reported_by_sender = true;
    key.observer = v1::OBSERVER_INTERCEPTOR;
    key.hour = 480'000;
    key.binding = binding;
    key.epoch = binding == 0 ? 0 : submission->id.epoch;
    EdgeTotals totals;
    totals.transfers = 1;
    totals.requests = 1;
    totals.messages = 2;
    totals.message = {1, Bytes(bytes)};
    submission->delta.edges[key] += totals;
    if (binding != 0) submission->delta.awaiting_times[binding] = {kNow, kNow};
    NameRun(submission, round.run);
  }

  static void NameRun(Submission* submission, const std::string& run, absl::Time time = kNow) {
    if (!run.empty()) submission->delta.run_times[run] = {time, time};
  }

  static void AddBinding(Submission* submission, uint64_t key, const RoundId& round) {
    submission->delta.bindings.push_back({submission->id.epoch, {key, round}});
    NameRun(submission, round.run);
  }

  std::vector<Appended> Append(const std::vector<Submission>& group) {
    const auto results = store_->Append(group);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.value_or(std::vector<Appended>());
  }

  uint64_t Watermark(const std::string& node = "a.example", uint64_t epoch = kEpoch) {
    return store_->Watermark(node, epoch).value();
  }

  // "round:bytes" of each row; "?" for no round.
  std::vector<std::string> Edges(const std::string& run, RoundRange range = {}, bool unattributed = false) {
    std::vector<std::string> found;
    const auto rows = store_->Edges(run, range, unattributed);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const EdgeRow& row : *rows) {
      const auto& round = row.key.round.round;
      found.push_back((round ? std::to_string(*round) : "?") + ":" +
                      std::to_string(row.totals.message.bytes.count()));
    }
    return found;
  }
  std::vector<std::string> Unattributed(const std::string& run) { return Edges(run, {}, true); }

  // Rebuilds from the deltas that `group` holds, in the order of positions.
  std::vector<std::string> Rebuild(const std::vector<Submission>& group) {
    const auto differences = store_->Rebuild([&](const StoredBatch& batch) -> absl::StatusOr<TotalsDelta> {
      return group[batch.position - 1].delta;
    });
    EXPECT_TRUE(differences.ok()) << differences.status();
    return differences.value_or(std::vector<std::string>{"error"});
  }

  std::vector<std::string> RunIds(const absl::StatusOr<std::vector<RunRecord>>& runs) {
    EXPECT_TRUE(runs.ok()) << runs.status();
    std::vector<std::string> ids;
    for (const RunRecord& run : *runs) ids.push_back(run.id);
    return ids;
  }

  std::string folder_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, NewStoreIsEmpty) {
  EXPECT_EQ(Watermark(), 0u);
  EXPECT_EQ(store_->LastPosition().value(), 0u);
  EXPECT_THAT(store_->ListRuns(10, "").value(), IsEmpty());
  EXPECT_THAT(store_->FindRuns("").value(), IsEmpty());
  EXPECT_THAT(store_->ListNodes().value(), IsEmpty());
  EXPECT_THAT(store_->ListGaps(absl::InfinitePast(), absl::InfiniteFuture()).value(), IsEmpty());
  EXPECT_THAT(store_->ListTransport(INT64_MIN, INT64_MAX).value(), IsEmpty());
  EXPECT_THAT(store_->ListOverhead(INT64_MIN, INT64_MAX).value(), IsEmpty());
  EXPECT_THAT(Edges("run"), IsEmpty());
  EXPECT_THAT(store_->Compute("run", {}, false).value(), IsEmpty());
  EXPECT_THAT(store_->ListRounds("run", {}, 0, 10).value(), IsEmpty());
  EXPECT_THAT(Append({}), IsEmpty());
  EXPECT_THAT(Rebuild({}), IsEmpty());
}

TEST_P(StoreContract, BatchesAreAcceptedInSequenceOnce) {
  EXPECT_THAT(Append({Batch(1), Batch(2), Batch(2), Batch(4), Batch(3)}),
              ElementsAre(Appended::kAccepted, Appended::kAccepted, Appended::kDuplicate, Appended::kHole,
                          Appended::kAccepted));
  EXPECT_THAT(Append({Batch(1), Batch(5), Batch(4)}),
              ElementsAre(Appended::kDuplicate, Appended::kHole, Appended::kAccepted));
  EXPECT_EQ(Watermark(), 4u);
  EXPECT_EQ(store_->LastPosition().value(), 4u);
}

TEST_P(StoreContract, DuplicatesAndHolesChangeNoTotals) {
  Append({EdgeBatch(1, {"run", 1}, 10)});
  Append({EdgeBatch(1, {"run", 1}, 10), EdgeBatch(3, {"run", 1}, 10)});
  EXPECT_THAT(Edges("run"), ElementsAre("1:10"));
  EXPECT_EQ(store_->ListNodes().value()[0].batches, 1u);
}

TEST_P(StoreContract, EachReporterHasItsOwnWatermark) {
  Append({Batch(1), Batch(1, "b.example"), Batch(1, "a.example", 7), Batch(2, "a.example", 7)});
  EXPECT_EQ(Watermark(), 1u);
  EXPECT_EQ(Watermark("b.example"), 1u);
  EXPECT_EQ(Watermark("a.example", 7), 2u);
  EXPECT_EQ(Watermark("b.example", 7), 0u);
  EXPECT_EQ(Watermark("c.example"), 0u);
}

TEST_P(StoreContract, GivingUpRaisesTheWatermarkAndRecordsTheGap) {
  Append({Batch(1)});
  const Gap gap{
      v1::Gap::REASON_LOST_BATCHES, kNow + absl::Hours(1), kNow + absl::Hours(1), 0, Bytes(), "2-4"};
  ASSERT_TRUE(store_->GiveUpBefore("a.example", kEpoch, 5, gap).ok());
  EXPECT_EQ(Watermark(), 4u);
  EXPECT_THAT(Append({Batch(3), Batch(5)}), ElementsAre(Appended::kDuplicate, Appended::kAccepted));
  const auto gaps = store_->ListGaps(absl::InfinitePast(), absl::InfiniteFuture()).value();
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].node, "a.example");
  EXPECT_EQ(gaps[0].gap.reason, v1::Gap::REASON_LOST_BATCHES);
  EXPECT_EQ(gaps[0].gap.from, kNow + absl::Seconds(1)) << "when the last batch before the hole arrived";
  EXPECT_EQ(gaps[0].gap.to, kNow + absl::Hours(1));
  EXPECT_EQ(gaps[0].gap.detail, "2-4");
}

TEST_P(StoreContract, GivingUpWhatIsThereHasNoEffect) {
  Append({Batch(1), Batch(2)});
  for (const uint64_t oldest : {0, 1, 2, 3}) {
    ASSERT_TRUE(store_->GiveUpBefore("a.example", kEpoch, oldest, Gap()).ok());
  }
  EXPECT_EQ(Watermark(), 2u);
  EXPECT_THAT(store_->ListGaps(absl::InfinitePast(), absl::InfiniteFuture()).value(), IsEmpty());
}

TEST_P(StoreContract, GivingUpOfAnUnknownReporterBeginsWithItsNodesLastBatch) {
  Append({Batch(1, "a.example", 7), Batch(2, "a.example", 7), Batch(1, "a.example", 8)});
  const Gap gap{v1::Gap::REASON_LOST_BATCHES, kNow + absl::Hours(1), kNow + absl::Hours(1), 0, Bytes(), ""};
  ASSERT_TRUE(store_->GiveUpBefore("a.example", kEpoch, 5, gap).ok());
  EXPECT_EQ(store_->ListGaps(kNow, kNow + absl::Hours(1)).value().at(0).gap.from, kNow + absl::Seconds(2));
}

TEST_P(StoreContract, GivingUpOfAnUnknownNodeBeginsWithTheUnixEpoch) {
  const Gap gap{v1::Gap::REASON_LOST_BATCHES, kNow, kNow, 0, Bytes(), ""};
  ASSERT_TRUE(store_->GiveUpBefore("new.example", 3, kMaxStored, gap).ok());
  EXPECT_EQ(Watermark("new.example", 3), kMaxStored - 1);
  EXPECT_EQ(store_->ListGaps(kNow, kNow).value().at(0).gap.from, absl::UnixEpoch());
}

TEST_P(StoreContract, RoundsAtBothEndsOfTheRangeAreIn) {
  Append({EdgeBatch(1, {"run", 0}, 1), EdgeBatch(2, {"run", 1}, 2), EdgeBatch(3, {"run", 5}, 3),
          EdgeBatch(4, {"run", kMaxStored}, 4), EdgeBatch(5, {"run", std::nullopt}, 5),
          EdgeBatch(6, {"other", 1}, 6)});
  EXPECT_THAT(Edges("run"), ElementsAre("0:1", "1:2", "5:3", "9223372036854775807:4"));
  EXPECT_THAT(Edges("run", {0, 0}), ElementsAre("0:1"));
  EXPECT_THAT(Edges("run", {1, 5}), ElementsAre("1:2", "5:3"));
  EXPECT_THAT(Edges("run", {2, 4}), IsEmpty());
  EXPECT_THAT(Edges("run", {6, kMaxStored}), ElementsAre("9223372036854775807:4"));
  EXPECT_THAT(Edges("run", {kMaxStored, UINT64_MAX}), ElementsAre("9223372036854775807:4"));
  EXPECT_THAT(Edges("run", {kMaxStored + 1, UINT64_MAX}), IsEmpty());
  EXPECT_THAT(Edges("run", {5, 1}), IsEmpty());
  EXPECT_THAT(Unattributed("run"), ElementsAre("?:5"));
}

TEST_P(StoreContract, FactsWithoutARunAreApart) {
  Append({EdgeBatch(1, {}, 1), EdgeBatch(2, {"run", std::nullopt}, 2)});
  EXPECT_THAT(Unattributed(""), ElementsAre("?:1"));
  EXPECT_THAT(Edges(""), IsEmpty());
  EXPECT_THAT(RunIds(store_->ListRuns(10, "")), ElementsAre("run"));
}

TEST_P(StoreContract, EveryPartOfAnEdgesKeyMakesARowOfItsOwn) {
  Submission batch = Batch(1);
  EdgeKey key{{"run", 1}, "a.example",           "b.example", true, v1::OBSERVER_INTERCEPTOR,
              true,       v1::WASTE_UNSPECIFIED, 480'000,     0,    0};
  std::vector<EdgeKey> keys(10, key);
  keys[1].round.round = 2;
  keys[2].from = "";
  keys[3].to = "";
  keys[4].reported_by_sender = false;
  keys[5].observer = v1::OBSERVER_PROXY;
  keys[6].answered = false;
  keys[7].hour = -1;
  keys[8].to = "aa.example";
  keys[9].waste = v1::WASTE_FAILED;
  for (size_t i = 0; i < keys.size(); ++i) batch.delta.edges[keys[i]].transfers = i + 1;
  NameRun(&batch, "run");
  Append({batch});
  const auto rows = store_->Edges("run", {}, false).value();
  ASSERT_THAT(rows, SizeIs(10));
  auto expected = batch.delta.edges.begin();
  for (const EdgeRow& row : rows) {
    EXPECT_TRUE(!(row.key < expected->first) && !(expected->first < row.key)) << "ordered by key";
    EXPECT_EQ(row.totals.transfers, expected->second.transfers);
    ++expected;
  }
}

TEST_P(StoreContract, AllColumnsOfAnEdgeAddUp) {
  Submission first = Batch(1);
  const EdgeKey key{{"run", 1}, "a.example",           "b.example", true, v1::OBSERVER_INTERCEPTOR,
                    true,       v1::WASTE_UNSPECIFIED, 480'000,     0,    0};
  EdgeTotals totals;
  totals.transfers = 1;
  totals.requests = 2;
  totals.responses = 3;
  totals.messages = 4;
  totals.message = {5, Bytes(6)};
  totals.encoded = {7, Bytes(8)};
  totals.header = {9, Bytes(10)};
  first.delta.edges[key] = totals;
  NameRun(&first, "run");
  Submission second = first;
  second.id.sequence = 2;
  Append({first});
  Append({second});
  const EdgeTotals sum = store_->Edges("run", {}, false).value().at(0).totals;
  EXPECT_EQ(sum.transfers, 2u);
  EXPECT_EQ(sum.requests, 4u);
  EXPECT_EQ(sum.responses, 6u);
  EXPECT_EQ(sum.messages, 8u);
  EXPECT_EQ(sum.message.transfers, 10u);
  EXPECT_EQ(sum.message.bytes, Bytes(12));
  EXPECT_EQ(sum.encoded.transfers, 14u);
  EXPECT_EQ(sum.encoded.bytes, Bytes(16));
  EXPECT_EQ(sum.header.transfers, 18u);
  EXPECT_EQ(sum.header.bytes, Bytes(20));
}

TEST_P(StoreContract, SumsStayAtTheGreatestInteger) {
  Append({EdgeBatch(1, {"run", 1}, kMaxStored)});
  Append({EdgeBatch(2, {"run", 1}, kMaxStored)});
  Append({EdgeBatch(3, {"run", 1}, 1)});
  EXPECT_GE(store_->Edges("run", {}, false).value().at(0).totals.message.bytes, Bytes(kMaxStored));
}

TEST_P(StoreContract, BindingBeforeItsTransfers) {
  Submission binding = Batch(1);
  AddBinding(&binding, 9, {"run", 3});
  const std::vector<Submission> all = {binding, EdgeBatch(2, {}, 10, 9), EdgeBatch(3, {}, 5, 9)};
  Append({all[0]});
  Append({all[1], all[2]});
  EXPECT_THAT(Edges("run"), ElementsAre("3:15"));
  EXPECT_THAT(Unattributed(""), IsEmpty());
  EXPECT_THAT(Rebuild(all), IsEmpty());
}

TEST_P(StoreContract, FactsBookedByAnEarlierBindingAreFactsOfTheirRun) {
  Submission binding = Batch(1);
  AddBinding(&binding, 9, {"run", 3});
  Submission bound = EdgeBatch(2, {}, 10, 9);
  bound.delta.awaiting_times[9] = {kNow - absl::Seconds(2), kNow + absl::Seconds(5)};
  const std::vector<Submission> all = {binding, bound, EdgeBatch(3, {}, 10, 8)};
  for (const Submission& submission : all) Append({submission});
  const RunRecord run = store_->FindRuns("run").value().at(0);
  EXPECT_EQ(run.first_position, 1u);
  EXPECT_EQ(run.last_position, 2u);
  EXPECT_EQ(run.first_fact, kNow - absl::Seconds(2));
  EXPECT_EQ(run.last_fact, kNow + absl::Seconds(5));
  EXPECT_THAT(Rebuild(all), IsEmpty());
}

TEST_P(StoreContract, RunReachesIntoTheHourOfRowsThatABindingMovesToIt) {
  Submission binding = Batch(2);
  AddBinding(&binding, 9, {"run", 3});
  NameRun(&binding, "run", kNow + absl::Hours(3));
  const std::vector<Submission> all = {EdgeBatch(1, {}, 10, 9), binding};
  for (const Submission& submission : all) Append({submission});
  const RunRecord run = store_->FindRuns("run").value().at(0);
  EXPECT_EQ(run.first_fact, kNow + absl::Hours(1) - absl::Microseconds(1));
  EXPECT_EQ(run.last_fact, kNow + absl::Hours(3));
  EXPECT_THAT(Rebuild(all), IsEmpty());
}

TEST_P(StoreContract, RunThatRowsLeaveIsAnotherVersion) {
  Submission run_only = Batch(1);
  AddBinding(&run_only, 9, {"old", std::nullopt});
  Submission other = Batch(3);
  AddBinding(&other, 9, {"new", 4});
  const std::vector<Submission> all = {run_only, EdgeBatch(2, {}, 10, 9), other};
  for (const Submission& submission : all) Append({submission});
  EXPECT_THAT(Unattributed("old"), IsEmpty());
  EXPECT_EQ(store_->FindRuns("old").value().at(0).last_position, 3u);
  EXPECT_EQ(store_->FindRuns("new").value().at(0).last_position, 3u);
  EXPECT_THAT(Rebuild(all), IsEmpty());
}

TEST_P(StoreContract, BindingAfterItsTransfers) {
  Submission binding = Batch(3);
  AddBinding(&binding, 9, {"run", 0});
  const std::vector<Submission> all = {EdgeBatch(1, {}, 10, 9), EdgeBatch(2, {}, 5, 9), binding};
  Append({all[0]});
  Append({all[1]});
  const auto waiting = store_->Edges("", {}, true).value();
  ASSERT_THAT(waiting, SizeIs(1));
  EXPECT_EQ(waiting[0].key.binding, 9u);
  EXPECT_EQ(waiting[0].key.epoch, kEpoch);
  EXPECT_EQ(waiting[0].totals.message.bytes, Bytes(15));
  Append({all[2]});
  EXPECT_THAT(Unattributed(""), IsEmpty());
  const auto bound = store_->Edges("run", {}, false).value();
  ASSERT_THAT(bound, SizeIs(1));
  EXPECT_EQ(bound[0].key.round.round, 0u);
  EXPECT_EQ(bound[0].key.binding, 0u);
  EXPECT_EQ(bound[0].key.epoch, 0u);
  EXPECT_EQ(bound[0].totals.message.bytes, Bytes(15));
  EXPECT_EQ(store_->ListRounds("run", {}, 0, 10).value().at(0).last_position, 3u);
  EXPECT_THAT(Rebuild(all), IsEmpty());
}

TEST_P(StoreContract, BindingInTheSameBatchAndGroup) {
  Submission batch = EdgeBatch(2, {}, 5, 9);
  AddBinding(&batch, 9, {"run", 3});
  const std::vector<Submission> all = {EdgeBatch(1, {}, 10, 9), batch, EdgeBatch(3, {}, 1, 9)};
  Append(all);
  EXPECT_THAT(Edges("run"), ElementsAre("3:16"));
  EXPECT_THAT(Unattributed(""), IsEmpty());
  EXPECT_THAT(Rebuild(all), IsEmpty());
}

TEST_P(StoreContract, BindingAddsToARoundThatIsThere) {
  Submission binding = Batch(3);
  AddBinding(&binding, 9, {"run", 3});
  Append({EdgeBatch(1, {"run", 3}, 100), EdgeBatch(2, {}, 10, 9)});
  Append({binding});
  EXPECT_THAT(Edges("run"), ElementsAre("3:110"));
}

TEST_P(StoreContract, BindingAgainAppliesToWhatComesLater) {
  Submission first = Batch(2);
  AddBinding(&first, 9, {"run", 3});
  Submission again = Batch(4);
  AddBinding(&again, 9, {"run", 4});
  const std::vector<Submission> all = {EdgeBatch(1, {}, 10, 9), first, EdgeBatch(3, {}, 5, 9), again,
                                       EdgeBatch(5, {}, 1, 9)};
  for (const Submission& batch : all) Append({batch});
  EXPECT_THAT(Edges("run"), ElementsAre("3:15", "4:1"));
  EXPECT_THAT(Rebuild(all), IsEmpty()) << "however the batches are grouped";
}

TEST_P(StoreContract, BindingThatKnowsOnlyTheRunIsRefinedLater) {
  Submission run_only = Batch(2);
  AddBinding(&run_only, 9, {"run", std::nullopt});
  Submission round = Batch(4);
  AddBinding(&round, 9, {"run", 4});
  const std::vector<Submission> all = {EdgeBatch(1, {}, 10, 9), run_only, EdgeBatch(3, {}, 5, 9), round};
  for (const Submission& batch : {all[0], all[1], all[2]}) Append({batch});
  EXPECT_THAT(Unattributed(""), IsEmpty());
  EXPECT_THAT(Unattributed("run"), ElementsAre("?:15"));
  Append({all[3]});
  EXPECT_THAT(Unattributed("run"), IsEmpty());
  EXPECT_THAT(Edges("run"), ElementsAre("4:15"));
  EXPECT_THAT(Rebuild(all), IsEmpty());
}

TEST_P(StoreContract, BindingsOfOthersMoveNothing) {
  Submission other_node = Batch(1, "evil.example");
  AddBinding(&other_node, 9, {"run", 1});
  Submission other_epoch = Batch(1, "a.example", 7);
  AddBinding(&other_epoch, 9, {"run", 1});
  Submission other_key = Batch(2);
  AddBinding(&other_key, 8, {"run", 1});
  Append({EdgeBatch(1, {}, 10, 9)});
  Append({other_node, other_epoch, other_key});
  Append({EdgeBatch(3, {}, 5, 9)});
  EXPECT_THAT(Unattributed(""), ElementsAre("?:15"));
  EXPECT_THAT(Edges("run"), IsEmpty());
}

TEST_P(StoreContract, BindingOfAReceiversRowNamesTheReceiver) {
  Submission batch = Batch(1);
  EdgeKey key{{},   "b.example",           "a.example", false,  v1::OBSERVER_PROXY,
              true, v1::WASTE_UNSPECIFIED, 480'000,     kEpoch, 9};
  batch.delta.edges[key].message = {1, Bytes(10)};
  Submission binding = Batch(2);
  AddBinding(&binding, 9, {"run", 1});
  Append({batch});
  Append({binding});
  EXPECT_THAT(Edges("run"), ElementsAre("1:10"));
}

TEST_P(StoreContract, ComputeAddsUpByKey) {
  Submission batch = Batch(1);
  NameRun(&batch, "run");
  const ComputeKey train{{"run", 2}, "a.example", v1::SPAN_KIND_TRAIN, 480'000};
  batch.delta.compute[train] = {1, absl::Seconds(4), false, absl::Seconds(3), absl::Milliseconds(2)};
  batch.delta.compute[{{"run", std::nullopt}, "a.example", v1::SPAN_KIND_TRAIN, 480'000}].spans = 7;
  batch.delta.compute[{{}, "a.example", v1::SPAN_KIND_OTHER, 480'000}].cpu = absl::Microseconds(1);
  Submission again = batch;
  again.id.sequence = 2;
  Append({batch});
  Append({again});
  const auto rows = store_->Compute("run", {2, 2}, false).value();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].key.node, "a.example");
  EXPECT_EQ(rows[0].key.kind, v1::SPAN_KIND_TRAIN);
  EXPECT_EQ(rows[0].key.hour, 480'000);
  EXPECT_EQ(rows[0].totals.spans, 2u);
  EXPECT_EQ(rows[0].totals.wall, absl::Seconds(8));
  EXPECT_EQ(rows[0].totals.cpu, absl::Seconds(6));
  EXPECT_EQ(rows[0].totals.accelerator, absl::Milliseconds(4));
  EXPECT_EQ(store_->Compute("run", {}, true).value().at(0).totals.spans, 14u);
  EXPECT_EQ(store_->Compute("", {}, true).value().at(0).totals.cpu, absl::Microseconds(2));
}

TEST_P(StoreContract, ASumOfSpansIsAnUpperBoundIfOneOfThemIs) {
  const ComputeKey key{{"run", 2}, "a.example", v1::SPAN_KIND_TRAIN, 480'000};
  const ComputeKey of_another{{"run", 2}, "b.example", v1::SPAN_KIND_TRAIN, 480'000};
  const auto submit = [&](uint64_t sequence, bool is_upper_bound) {
    Submission batch = Batch(sequence);
    NameRun(&batch, "run");
    batch.delta.compute[key] = {1, absl::Seconds(4), is_upper_bound, absl::Seconds(3), absl::ZeroDuration()};
    batch.delta.compute[of_another].spans = 1;
    Append({batch});
  };
  const auto is_upper_bound = [&] {
    const auto rows = store_->Compute("run", {}, false).value();
    EXPECT_THAT(rows, SizeIs(2));
    EXPECT_FALSE(rows.back().totals.wall_is_upper_bound);
    return rows.front().totals.wall_is_upper_bound;
  };
  submit(1, false);
  EXPECT_FALSE(is_upper_bound());
  submit(2, true);
  EXPECT_TRUE(is_upper_bound());
  submit(3, false);
  EXPECT_TRUE(is_upper_bound());
}

TEST_P(StoreContract, TransportAddsUpByEdgeEndAndHour) {
  const TransportKey key{"a.example", "b.example", true, 10};
  Submission first = Batch(1);
  first.delta.transport[key] = {Bytes(5), Bytes(2)};
  first.delta.transport[{"", "b.example", true, 10}] = {Bytes(7), Bytes(0)};
  first.delta.transport[{"a.example", "", true, 10}] = {Bytes(8), Bytes(0)};
  first.delta.transport[{"a.example", "b.example", false, 10}] = {Bytes(9), Bytes(0)};
  first.delta.transport[{"a.example", "b.example", true, 11}] = {Bytes(10), Bytes(0)};
  for (const Hour outside : {9, 12}) first.delta.transport[{"a.example", "b.example", true, outside}] = {};
  Submission second = Batch(2);
  second.delta.transport[key] = {Bytes(UINT64_MAX), Bytes(3)};
  second.delta.transport[{"a.example", "b.example", true, 11}] = {Bytes(1), Bytes(0)};
  Append({first});
  Append({second});
  const auto rows = store_->ListTransport(10, 11).value();
  std::vector<std::string> found;
  for (const auto& [k, t] : rows) {
    found.push_back(k.from + ">" + k.to + (k.reported_by_sender ? " sender " : " receiver ") +
                    std::to_string(k.hour) + ": " +
                    std::to_string(std::min(t.transport.count(), kMaxStored)) + "/" +
                    std::to_string(t.encoded.count()));
  }
  EXPECT_THAT(found, ElementsAre(">b.example sender 10: 7/0", "a.example> sender 10: 8/0",
                                 "a.example>b.example receiver 10: 9/0",
                                 "a.example>b.example sender 10: 9223372036854775807/5",
                                 "a.example>b.example sender 11: 11/0"));
  EXPECT_THAT(Rebuild({first, second}), IsEmpty());
}

TEST_P(StoreContract, OverheadByNodeAndHourWithBothEnds) {
  Submission batch = Batch(1);
  for (const Hour hour : {9, 10, 11, 12}) batch.delta.overhead[{"a.example", hour}] = {Bytes(5), Bytes(2)};
  Append({batch});
  const auto rows = store_->ListOverhead(10, 11).value();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].first.hour, 10);
  EXPECT_EQ(rows[1].first.hour, 11);
  EXPECT_EQ(rows[1].second.report, Bytes(5));
  EXPECT_EQ(rows[1].second.context, Bytes(2));
}

TEST_P(StoreContract, RunIsWhatItsEventsAndFactsSay) {
  Submission start = Batch(1);
  start.delta.run_events = {{"run", kNow, v1::OUTCOME_UNSPECIFIED, "heart", 20}};
  start.delta.run_times["run"] = {kNow, kNow + absl::Seconds(5)};
  Submission twice = Batch(1, "a.example", 7);
  twice.delta.run_events = {{"run", kNow, v1::OUTCOME_UNSPECIFIED, "", 0}};
  twice.delta.run_times["run"] = {kNow - absl::Seconds(1), kNow};
  Submission end = Batch(2);
  end.delta.run_events = {{"run", kNow + absl::Seconds(9), v1::OUTCOME_COMPLETED, "", 0}};
  end.delta.run_times["run"] = {kNow + absl::Seconds(9), kNow + absl::Seconds(9)};
  Append({start});
  EXPECT_FALSE(store_->FindRuns("run").value().at(0).ended.has_value());
  Append({twice, EdgeBatch(2, {"run", 0}, 1), Batch(3)});
  end.id.sequence = 4;
  Append({end});
  const RunRecord run = store_->FindRuns("run").value().at(0);
  EXPECT_EQ(run.name, "heart");
  EXPECT_EQ(run.planned_rounds, 20u);
  EXPECT_EQ(run.first_fact, kNow - absl::Seconds(1));
  EXPECT_EQ(run.last_fact, kNow + absl::Seconds(9));
  EXPECT_EQ(run.ended, v1::OUTCOME_COMPLETED);
  EXPECT_EQ(run.starts, 2u);
  EXPECT_EQ(run.rounds, 1u);
  EXPECT_EQ(run.first_position, 1u);
  EXPECT_EQ(run.last_position, 5u);
}

TEST_P(StoreContract, RunsArePagedLatestFirst) {
  std::vector<Submission> batches;
  const std::vector<std::string> ids = {"old", "tie-b", "tie-a", "new"};
  for (size_t i = 0; i < ids.size(); ++i) {
    batches.push_back(Batch(i + 1));
    NameRun(&batches.back(), ids[i], kNow + absl::Seconds(i == 2 ? 1 : i));
  }
  Append(batches);
  EXPECT_THAT(RunIds(store_->ListRuns(10, "")), ElementsAre("new", "tie-a", "tie-b", "old"));
  EXPECT_THAT(RunIds(store_->ListRuns(2, "")), ElementsAre("new", "tie-a"));
  EXPECT_THAT(RunIds(store_->ListRuns(2, "tie-a")), ElementsAre("tie-b", "old"));
  EXPECT_THAT(RunIds(store_->ListRuns(2, "old")), IsEmpty());
  EXPECT_THAT(RunIds(store_->ListRuns(0, "")), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(store_->ListRuns(2, "none").status()));
  EXPECT_THAT(RunIds(store_->FindRuns("")), ElementsAre("new"));
}

TEST_P(StoreContract, RunsAreFoundByIdThenPrefixThenName) {
  std::vector<Submission> batches;
  for (const auto& [id, name] : std::vector<std::pair<std::string, std::string>>{
           {"ab", "heart"}, {"abc", "heart"}, {"abd", "ab"}, {"x%y", "_"}}) {
    batches.push_back(Batch(batches.size() + 1));
    NameRun(&batches.back(), id, kNow + absl::Seconds(batches.size()));
    batches.back().delta.run_events = {{id, kNow, v1::OUTCOME_UNSPECIFIED, name, 0}};
  }
  Append(batches);
  EXPECT_THAT(RunIds(store_->FindRuns("ab")), ElementsAre("ab"));
  EXPECT_THAT(RunIds(store_->FindRuns("a")), ElementsAre("abd", "abc", "ab"));
  EXPECT_THAT(RunIds(store_->FindRuns("abc")), ElementsAre("abc"));
  EXPECT_THAT(RunIds(store_->FindRuns("heart")), ElementsAre("abc", "ab"));
  EXPECT_THAT(RunIds(store_->FindRuns("none")), IsEmpty());
  EXPECT_THAT(RunIds(store_->FindRuns("%")), IsEmpty()) << "no pattern characters";
  EXPECT_THAT(RunIds(store_->FindRuns("x%")), ElementsAre("x%y"));
  EXPECT_THAT(RunIds(store_->FindRuns("A")), IsEmpty()) << "case matters";
}

TEST_P(StoreContract, RoundIsWhatItsEventsSay) {
  Submission batch = Batch(1);
  batch.delta.round_events = {{"run", 0, kNow + absl::Seconds(2), v1::OUTCOME_UNSPECIFIED},
                              {"run", 0, kNow + absl::Seconds(1), v1::OUTCOME_UNSPECIFIED},
                              {"run", 0, kNow + absl::Seconds(5), v1::OUTCOME_COMPLETED}};
  NameRun(&batch, "run");
  Append({batch});
  Append({EdgeBatch(2, {"run", 0}, 1), EdgeBatch(3, {"run", 7}, 1)});
  const auto rounds = store_->ListRounds("run", {}, 0, 10).value();
  ASSERT_THAT(rounds, SizeIs(2));
  EXPECT_EQ(rounds[0].round, 0u);
  EXPECT_EQ(rounds[0].started, kNow + absl::Seconds(1));
  EXPECT_EQ(rounds[0].ended, kNow + absl::Seconds(5));
  EXPECT_EQ(rounds[0].outcome, v1::OUTCOME_COMPLETED);
  EXPECT_EQ(rounds[0].last_position, 2u);
  EXPECT_EQ(rounds[1].round, 7u);
  EXPECT_FALSE(rounds[1].started.has_value());
  EXPECT_FALSE(rounds[1].ended.has_value());
  EXPECT_EQ(rounds[1].outcome, v1::OUTCOME_UNSPECIFIED);
}

TEST_P(StoreContract, RoundsAreListedByRangeAndChange) {
  Append({EdgeBatch(1, {"run", 0}, 1), EdgeBatch(2, {"run", 1}, 1), EdgeBatch(3, {"run", 2}, 1),
          EdgeBatch(4, {"run", kMaxStored}, 1), EdgeBatch(5, {"run", 1}, 1)});
  const auto list = [&](RoundRange range, uint64_t after, size_t limit) {
    std::vector<uint64_t> numbers;
    const auto rounds = store_->ListRounds("run", range, after, limit).value();
    for (const RoundRecord& round : rounds) {
      numbers.push_back(round.round);
    }
    return numbers;
  };
  EXPECT_THAT(list({}, 0, 10), ElementsAre(0u, 1u, 2u, kMaxStored));
  EXPECT_THAT(list({}, 0, 2), ElementsAre(0u, 1u));
  EXPECT_THAT(list({1, 2}, 0, 10), ElementsAre(1, 2));
  EXPECT_THAT(list({}, 3, 10), ElementsAre(1, kMaxStored));
  EXPECT_THAT(list({}, 5, 10), IsEmpty());
  EXPECT_THAT(list({kMaxStored + 1, UINT64_MAX}, 0, 10), IsEmpty());
}

TEST_P(StoreContract, NodeIsItsLatestDescription) {
  Submission first = Batch(1, "b.example");
  first.delta.is_signed = true;
  first.delta.unknown_fields = 3;
  first.delta.description.emplace().set_country("DEU");
  first.delta.clock = ClockReading{kNow, absl::Milliseconds(-5), absl::Milliseconds(9)};
  Submission second = Batch(2, "b.example");
  second.delta.description.emplace().set_country("FRA");
  Append({first, Batch(1, "a.example")});
  Append({second, Batch(3, "b.example")});
  const auto nodes = store_->ListNodes().value();
  ASSERT_THAT(nodes, SizeIs(2));
  EXPECT_EQ(nodes[0].node, "a.example");
  EXPECT_FALSE(nodes[0].clock.has_value());
  EXPECT_EQ(nodes[1].node, "b.example");
  EXPECT_EQ(nodes[1].description.country(), "FRA");
  EXPECT_EQ(nodes[1].first_received, kNow + absl::Seconds(1));
  EXPECT_EQ(nodes[1].last_received, kNow + absl::Seconds(3));
  ASSERT_TRUE(nodes[1].clock.has_value());
  EXPECT_EQ(nodes[1].clock->time, kNow);
  EXPECT_EQ(nodes[1].clock->offset, absl::Milliseconds(-5));
  EXPECT_EQ(nodes[1].clock->round_trip, absl::Milliseconds(9));
  EXPECT_EQ(nodes[1].batches, 3u);
  EXPECT_EQ(nodes[1].unsigned_batches, 2u);
  EXPECT_EQ(nodes[1].unknown_fields, 3u);
}

TEST_P(StoreContract, GapsThatOverlapAreListed) {
  Submission batch = Batch(1);
  batch.delta.gaps = {
      {v1::Gap::REASON_OVERSIZE, kNow + absl::Seconds(20), kNow + absl::Seconds(30), 1, Bytes(2), "late"},
      {v1::Gap::REASON_QUEUE_FULL, kNow, kNow + absl::Seconds(10), 7, Bytes(8), "early"}};
  Append({batch});
  const auto list = [&](int from, int to) {
    std::vector<std::string> details;
    const auto gaps = store_->ListGaps(kNow + absl::Seconds(from), kNow + absl::Seconds(to)).value();
    for (const NodeGap& gap : gaps) {
      details.push_back(gap.gap.detail);
    }
    return details;
  };
  EXPECT_THAT(list(0, 100), ElementsAre("early", "late"));
  EXPECT_THAT(list(10, 20), ElementsAre("early", "late"));
  EXPECT_THAT(list(11, 19), IsEmpty());
  EXPECT_THAT(list(-5, 0), ElementsAre("early"));
  EXPECT_THAT(list(30, 99), ElementsAre("late"));
  const NodeGap gap = store_->ListGaps(kNow, kNow).value().at(0);
  EXPECT_EQ(gap.gap.facts, 7u);
  EXPECT_EQ(gap.gap.bytes, Bytes(8));
}

TEST_P(StoreContract, ScanGivesBatchesAsTheyCame) {
  std::vector<Submission> batches;
  for (uint64_t sequence = 1; sequence <= 200; ++sequence) batches.push_back(Batch(sequence));
  Append(batches);
  const auto positions = [&](uint64_t from, uint64_t to, size_t stop_after) {
    std::vector<uint64_t> found;
    EXPECT_TRUE(store_
                    ->Scan(from, to,
                           [&](const StoredBatch& batch) {
                             EXPECT_EQ(batch.id, batches[batch.position - 1].id);
                             EXPECT_EQ(batch.sealed, batches[batch.position - 1].sealed);
                             EXPECT_EQ(batch.received, batches[batch.position - 1].received);
                             EXPECT_EQ(store_->LastPosition().value(), 200u) << "no lock is held";
                             found.push_back(batch.position);
                             return found.size() < stop_after;
                           })
                    .ok());
    return found;
  };
  EXPECT_THAT(positions(0, UINT64_MAX, 1000), SizeIs(200));
  EXPECT_THAT(positions(199, 300, 1000), ElementsAre(199, 200));
  EXPECT_THAT(positions(3, 4, 1000), ElementsAre(3, 4));
  EXPECT_THAT(positions(63, 200, 3), ElementsAre(63, 64, 65));
  EXPECT_THAT(positions(201, UINT64_MAX, 1000), IsEmpty());
  EXPECT_THAT(positions(4, 3, 1000), IsEmpty());
}

TEST_P(StoreContract, RebuildSaysWhatDiffersAndMendsIt) {
  const std::vector<Submission> stored = {EdgeBatch(1, {"run", 1}, 10), EdgeBatch(2, {"run", 1}, 20)};
  Append(stored);
  const std::vector<Submission> other = {EdgeBatch(1, {"run", 1}, 11), EdgeBatch(2, {"run", 2}, 20)};
  EXPECT_THAT(Rebuild(other), ::testing::Contains(::testing::HasSubstr("was: edge")));
  EXPECT_THAT(Edges("run"), ElementsAre("1:11", "2:20"));
  EXPECT_THAT(Rebuild(other), IsEmpty());
}

TEST_P(StoreContract, FailedRebuildChangesNothing) {
  Append({EdgeBatch(1, {"run", 1}, 10), EdgeBatch(2, {"run", 1}, 20)});
  const auto failed = store_->Rebuild([](const StoredBatch& batch) -> absl::StatusOr<TotalsDelta> {
    if (batch.position == 2) return absl::InvalidArgumentError("unreadable");
    return TotalsDelta();
  });
  EXPECT_TRUE(absl::IsInvalidArgument(failed.status())) << failed.status();
  EXPECT_THAT(Edges("run"), ElementsAre("1:30"));
  EXPECT_THAT(Append({EdgeBatch(3, {"run", 1}, 1)}), ElementsAre(Appended::kAccepted));
}

TEST_P(StoreContract, WhatWasGivenUpSurvivesARebuild) {
  const Gap gap{v1::Gap::REASON_LOST_BATCHES, kNow, kNow, 0, Bytes(), "lost"};
  ASSERT_TRUE(store_->GiveUpBefore("a.example", kEpoch, 3, gap).ok());
  const std::vector<Submission> all = {Batch(3)};
  Append(all);
  EXPECT_THAT(Rebuild(all), IsEmpty());
  EXPECT_EQ(Watermark(), 3u);
  EXPECT_THAT(store_->ListGaps(kNow, kNow).value(), SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContract,
    ::testing::Values(Implementation{"Memory",
                                     [](const std::string&) { return std::make_unique<MemoryStore>(); }},
                      Implementation{"Sqlite",
                                     [](const std::string& folder) -> std::unique_ptr<Store> {
                                       auto store = SqliteStore::Open(folder, [](const StoredBatch&) {
                                         return absl::InternalError(
                                             "a new store has no batches to extract from");
                                       });
                                       EXPECT_TRUE(store.ok()) << store.status();
                                       return *std::move(store);
                                     }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace fedcarbon::server
