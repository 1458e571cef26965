// Kills the coordinator again and again while a node streams numbered batches, each again after every
// reconnect. Afterwards what was acknowledged is stored, once each, and the totals are what the batches add
// up to. The node here is written from report.proto alone; the stored batches are read with SQLite itself.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "fedcarbon/report/batch_builder.h"
#include "fedcarbon/v1/report.grpc.pb.h"
#include "tests/crash/child_process.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon {
namespace {

constexpr uint64_t kEpoch = 42;
constexpr int kKills = 12;

std::string Sealed(uint64_t sequence) {
  BatchBuilder builder(kMaxSealedBatchBytes);
  Span span;
  span.round = {"run", sequence % 7};
  span.start = absl::FromUnixSeconds(1'700'000'000);
  span.wall = absl::Microseconds(1);
  builder.Add(span);
  Transfer transfer;
  transfer.call_id = sequence;
  transfer.end = v1::END_CLIENT;
  transfer.observer = v1::OBSERVER_INTERCEPTOR;
  transfer.peer = "b.example";
  transfer.method = "/test/Push";
  transfer.round = span.round;
  if (sequence % 3 == 0) transfer.round.round.reset();
  transfer.start = span.start;
  transfer.answered = true;
  transfer.sent.messages = 1;
  transfer.sent.message_bytes = Bytes(sequence);
  transfer.sent.kind = v1::COUNT_KIND_SERIALIZED;
  builder.Add(transfer);
  return builder.Seal({"a.example", kEpoch, sequence}, {span.start, absl::ZeroDuration(), "boot"});
}

// Streams batches until the coordinator is gone, from the first one again. Returns the highest sequence that
// was acknowledged.
uint64_t StreamUntilGone(const std::string& address, uint64_t* highest_sent) {
  const auto stub =
      v1::ReportService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto stream = stub->Report(&context);
  uint64_t acknowledged = 0;
  std::thread reader([&] {
    v1::ReportResponse response;
    while (stream->Read(&response)) acknowledged = response.watermark();
  });
  v1::ReportRequest request;
  request.mutable_greeting()->set_node("a.example");
  request.mutable_greeting()->set_epoch(kEpoch);
  request.mutable_greeting()->set_oldest_sequence(1);
  bool open = stream->Write(request);
  for (uint64_t sequence = 1; open; ++sequence) {
    request.set_sealed_batch(Sealed(sequence));
    open = stream->Write(request);
    *highest_sent = std::max(*highest_sent, sequence);
  }
  reader.join();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  return acknowledged;
}

// All sequences of the database, in the order of their positions.
std::vector<uint64_t> StoredSequences(const std::string& path) {
  std::vector<uint64_t> sequences;
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  sqlite3_exec(
      database, "SELECT sequence FROM batches ORDER BY position",
      [](void* found, int, char** columns, char**) {
        static_cast<std::vector<uint64_t>*>(found)->push_back(std::stoull(columns[0]));
        return 0;
      },
      &sequences, nullptr);
  sqlite3_close(database);
  return sequences;
}

TEST(Kill, WhatWasAcknowledgedIsStoredOnce) {
  std::string pattern = ::testing::TempDir() + "kill_XXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  std::mt19937 random(RandomSeed());
  uint64_t acknowledged = 0;
  uint64_t sent = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    ChildProcess program({FEDCARBON_BINARY_DIR "/bin/fedcarbon-coordinator", "--data", folder, "--grpc",
                          "127.0.0.1:0", "--http", "127.0.0.1:0"});
    const std::string line = program.ReadLine();
    ASSERT_THAT(line, ::testing::StartsWith("grpc ")) << program.Errors();
    // The moment of death is meant to be any.
    std::thread killer([&program, delay = random() % 300] {
      absl::SleepFor(absl::Milliseconds(delay));
      program.Signal(SIGKILL);
    });
    acknowledged = std::max(acknowledged, StreamUntilGone(line.substr(5), &sent));
    killer.join();
    EXPECT_EQ(program.Wait(), 128 + SIGKILL) << program.Errors();
    // Now, before the node sends everything again and covers a loss up.
    ASSERT_GE(StoredSequences(folder + "/fedcarbon.db").size(), acknowledged) << "acknowledged, and lost";
  }
  ASSERT_GT(acknowledged, 0u) << "no batch came through at all";

  const std::vector<uint64_t> stored = StoredSequences(folder + "/fedcarbon.db");
  EXPECT_LE(stored.size(), sent);
  for (size_t i = 0; i < stored.size(); ++i) {
    ASSERT_EQ(stored[i], i + 1) << "each once, without a hole";
  }
  ChildProcess rebuild({FEDCARBON_BINARY_DIR "/bin/fedcarbon-coordinator", "rebuild", "--data", folder});
  EXPECT_EQ(rebuild.ReadLine(), "equal");
  EXPECT_EQ(rebuild.ReadLine(), "rounds and unattributed hold everything that was recorded");
  EXPECT_EQ(rebuild.Wait(), 0) << rebuild.Errors();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace fedcarbon
