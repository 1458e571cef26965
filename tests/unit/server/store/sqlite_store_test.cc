// What only a store on disk can do: be opened again, be damaged, be full, be shared.
#include "server/store/sqlite/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/report/batch_builder.h"
#include "server/ingest/extract_totals.h"

namespace fedcarbon::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() {
    std::string pattern = ::testing::TempDir() + "sqlite_store_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<SqliteStore>> Open() {
    return SqliteStore::Open(folder_, ExtractStoredTotals);
  }
  absl::StatusOr<std::unique_ptr<SqliteStore>> OpenForReading() {
    return SqliteStore::OpenForReading(folder_);
  }

  static Submission Batch(uint64_t sequence, const std::string& run = "run") {
    Submission submission;
    submission.id = {"a.example", 1, sequence};
    submission.received = absl::UnixEpoch();
    submission.sealed = std::string(1000, 's');
    submission.delta.node = "a.example";
    submission.delta.epoch = 1;
    submission.delta.compute[{{run, 1}, "a.example", v1::SPAN_KIND_TRAIN, 0}].spans = 1;
    submission.delta.run_times[run] = {absl::UnixEpoch(), absl::UnixEpoch()};
    return submission;
  }

  static uint64_t Spans(Store* store, const std::string& run = "run") {
    const auto rows = store->Compute(run, {}, false).value();
    return rows.empty() ? 0 : rows[0].totals.spans;
  }

  // Runs SQL behind the store's back.
  void Execute(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(DatabasePath(folder_).c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  void ExecuteFile(const char* path) {
    std::ifstream file(path);
    Execute(std::string(std::istreambuf_iterator<char>(file), {}));
  }

  int Version() {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(DatabasePath(folder_).c_str(), &database), SQLITE_OK);
    int version = 0;
    sqlite3_exec(
        database, "PRAGMA user_version",
        [](void* number, int, char** columns, char**) {
          *static_cast<int*>(number) = std::atoi(columns[0]);
          return 0;
        },
        &version, nullptr);
    sqlite3_close(database);
    return version;
  }

  // Bytes of each row that came with no connection.
  static std::string Encoded(Store* store) {
    std::vector<uint64_t> bytes;
    const auto rows = store->ListTransport(INT64_MIN, INT64_MAX).value();
    for (const auto& [key, totals] : rows) {
      EXPECT_EQ(totals.transport, Bytes(0));
      bytes.push_back(totals.encoded.count());
    }
    return absl::StrJoin(bytes, ", ");
  }

  std::string folder_;
};

TEST_F(SqliteStoreTest, KeepsEverythingWhenOpenedAgain) {
  ASSERT_TRUE((*Open())->Append({Batch(1), Batch(2)}).ok());
  const auto store = *Open();
  EXPECT_EQ(store->Watermark("a.example", 1).value(), 2u);
  ASSERT_TRUE(store->Append({Batch(3)}).ok());
  EXPECT_EQ(Spans(store.get()), 3u);
}

TEST_F(SqliteStoreTest, WritesAheadIntoALog) {
  const auto store = *Open();
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(DatabasePath(folder_).c_str(), &database), SQLITE_OK);
  std::string mode;
  sqlite3_exec(
      database, "PRAGMA journal_mode",
      [](void* text, int, char** columns, char**) {
        *static_cast<std::string*>(text) = columns[0];
        return 0;
      },
      &mode, nullptr);
  sqlite3_close(database);
  EXPECT_EQ(mode, "wal");
}

TEST_F(SqliteStoreTest, SecondOwnerIsRefusedButNotAReader) {
  const auto owner = *Open();
  ASSERT_TRUE(owner->Append({Batch(1)}).ok());
  const absl::Status refused = Open().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr(std::to_string(getpid())));
  const auto reader = *OpenForReading();
  EXPECT_EQ(Spans(reader.get()), 1u);
  ASSERT_TRUE(owner->Append({Batch(2)}).ok());
  EXPECT_EQ(Spans(reader.get()), 2u);
}

TEST_F(SqliteStoreTest, ReaderOfNothingIsToldSo) { EXPECT_TRUE(absl::IsNotFound(OpenForReading().status())); }

TEST_F(SqliteStoreTest, FailedTransactionLeavesNothingAndTheNextOneWorks) {
  const auto store = *Open();
  Execute("CREATE TRIGGER full BEFORE INSERT ON compute BEGIN SELECT raise(ABORT, 'no'); END");
  EXPECT_FALSE(store->Append({Batch(1, "new-run")}).ok());
  EXPECT_EQ(store->LastPosition().value(), 0u);
  EXPECT_EQ(store->Watermark("a.example", 1).value(), 0u);
  Execute("DROP TRIGGER full");
  // Ids of names that were rolled back must not be used again.
  ASSERT_TRUE(store->Append({Batch(1, "other-run"), Batch(2, "new-run")}).ok());
  EXPECT_EQ(Spans(store.get(), "new-run"), 1u);
  EXPECT_EQ(Spans(store.get(), "other-run"), 1u);
}

// The kernel's limit on a file's size stands for the full disk.
TEST_F(SqliteStoreTest, FullDiskIsToldAndNothingIsLost) {
  const auto store = *Open();
  ASSERT_TRUE(store->Append({Batch(1)}).ok());
  rlimit unlimited;
  getrlimit(RLIMIT_FSIZE, &unlimited);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit full{200'000, unlimited.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  uint64_t stored = 1;
  while (stored < 1000 && store->Append({Batch(stored + 1)}).ok()) ++stored;
  setrlimit(RLIMIT_FSIZE, &unlimited);
  EXPECT_LT(stored, 1000u);
  EXPECT_EQ(store->Watermark("a.example", 1).value(), stored);
  ASSERT_TRUE(store->Append({Batch(stored + 1)}).ok()) << "there is space again";
  EXPECT_EQ(Spans(store.get()), stored + 1);
}

TEST_F(SqliteStoreTest, DamagedPagesAreDataLossWithThePath) {
  {
    const auto store = *Open();
    for (uint64_t sequence = 1; sequence <= 200; ++sequence)
      ASSERT_TRUE(store->Append({Batch(sequence)}).ok());
  }
  {
    std::fstream file(DatabasePath(folder_), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 2);
    file << std::string(4096 * 20, '\xff');
  }
  const auto store = Open();
  const absl::Status damaged =
      store.ok() ? (*store)->Scan(1, UINT64_MAX, [](const StoredBatch&) { return true; }) : store.status();
  EXPECT_TRUE(absl::IsDataLoss(damaged)) << damaged;
  EXPECT_THAT(std::string(damaged.message()), HasSubstr(DatabasePath(folder_)));
}

TEST_F(SqliteStoreTest, ReadersAndWriterWorkAtTheSameTime) {
  const auto store = *Open();
  std::thread writer([&] {
    for (uint64_t sequence = 1; sequence <= 100; ++sequence) {
      EXPECT_TRUE(store->Append({Batch(sequence)}).ok());
    }
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([&] {
      for (uint64_t last = 0; last < 100;) {
        const uint64_t now = Spans(store.get());
        EXPECT_GE(now, last);
        last = now;
      }
    });
  }
  writer.join();
  for (std::thread& reader : readers) reader.join();
}

// Databases of every earlier version must open for ever: as the program of that version wrote them.

TEST_F(SqliteStoreTest, DatabaseOfVersionOneBecomesThisVersion) {
  ExecuteFile(FEDCARBON_SOURCE_DIR "/tests/unit/server/store/version_1.sql");
  EXPECT_EQ(Version(), 1);
  const absl::Status refused = OpenForReading().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("start fedcarbon-coordinator on it once"));

  const auto store = *Open();
  EXPECT_EQ(Version(), 3);
  EXPECT_EQ(store->LastPosition().value(), 2u);
  EXPECT_EQ(store->Watermark("hospital.example", 0xfedcba9876543210).value(), 4u);
  EXPECT_EQ(store->FindRuns("heart").value().at(0).id, "flower:1");
  EXPECT_EQ(store->Edges("flower:1", {}, false).value().size(), 4u);
  EXPECT_EQ(store->ListGaps(absl::InfinitePast(), absl::InfiniteFuture()).value().size(), 2u)
      << "what was given up is in no batch";
  EXPECT_EQ(Encoded(store.get()), "705, 2005, 4010");
  EXPECT_THAT(store->Rebuild(ExtractStoredTotals).value(), IsEmpty())
      << "what was migrated is what the batches say";
  EXPECT_EQ(Encoded(store.get()), "705, 2005, 4010");
}

TEST_F(SqliteStoreTest, DatabaseOfVersionTwoLearnsFromItsBatchesWhatWasWaste) {
  ExecuteFile(FEDCARBON_SOURCE_DIR "/tests/unit/server/store/version_2.sql");
  EXPECT_EQ(Version(), 2);
  const auto store = *Open();
  EXPECT_EQ(Version(), 3);
  EXPECT_EQ(store->LastPosition().value(), 4u);
  const auto rows = store->Edges("flower:1", {}, false).value();
  std::vector<std::string> sent;
  for (const EdgeRow& row : rows) {
    if (!row.key.reported_by_sender || row.key.observer != v1::OBSERVER_PROXY) continue;
    sent.push_back(absl::StrCat(*row.key.round.round, row.key.answered ? " " : " unanswered ",
                                v1::Waste_Name(row.key.waste), " ", row.totals.encoded.bytes.count()));
  }
  EXPECT_THAT(sent,
              ElementsAre("3 WASTE_UNSPECIFIED 2005", "3 WASTE_POLL 55", "3 WASTE_RETRY 1005",
                          "3 WASTE_FAILED 1005", "4 unanswered WASTE_FAILED 405", "4 WASTE_FAILED 305"));
  EXPECT_THAT(store->Rebuild(ExtractStoredTotals).value(), IsEmpty())
      << "what was migrated is what the batches say";
}

TEST_F(SqliteStoreTest, DatabaseOfVersionTwoLearnsFromItsBatchesWhichSpansAreUpperBounds) {
  ExecuteFile(FEDCARBON_SOURCE_DIR "/tests/unit/server/store/version_2.sql");
  BatchBuilder batch(kMaxSealedBatchBytes);
  const absl::Time start = absl::FromUnixSeconds(1'790'000'000);
  for (const v1::SpanKind kind : {v1::SPAN_KIND_TRAIN, v1::SPAN_KIND_EVALUATE}) {
    const bool is_upper_bound = kind == v1::SPAN_KIND_TRAIN;
    ASSERT_TRUE(batch.Add(
        Span{kind, {"flower:1", 3}, start, absl::Seconds(31), v1::OUTCOME_COMPLETED, is_upper_bound}));
  }
  const std::string sealed = batch.Seal({"hospital.example", 9, 1}, {start, absl::Hours(1), "boot"});
  Execute(absl::StrCat("INSERT INTO batches VALUES (5, 1, 9, 1, 1790000000000000, X'",
                       absl::BytesToHexString(sealed), "')"));
  const auto store = *Open();
  const auto rows = store->Compute("flower:1", {3, 3}, false).value();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_TRUE(rows[0].totals.wall_is_upper_bound);
  EXPECT_FALSE(rows[1].totals.wall_is_upper_bound);
  EXPECT_THAT(store->Rebuild(ExtractStoredTotals).value(), IsEmpty());
}

TEST_F(SqliteStoreTest, MigrationThatFailsLeavesAllAsItWas) {
  ExecuteFile(FEDCARBON_SOURCE_DIR "/tests/unit/server/store/version_2.sql");
  const absl::Status failed =
      SqliteStore::Open(folder_, [](const StoredBatch& batch) {
        return batch.position < 3 ? ExtractStoredTotals(batch) : absl::DataLossError("torn");
      }).status();
  EXPECT_TRUE(absl::IsDataLoss(failed)) << failed;
  EXPECT_THAT(std::string(failed.message()), HasSubstr("batch at position 3"));
  EXPECT_EQ(Version(), 2);
  EXPECT_EQ((*Open())->Edges("flower:1", {3, 3}, false).value().size(), 10u);
}

TEST_F(SqliteStoreTest, SchemaIsVersionThree) {
  { ASSERT_TRUE(Open().ok()); }
  EXPECT_EQ(Version(), 3);
}

}  // namespace
}  // namespace fedcarbon::server
