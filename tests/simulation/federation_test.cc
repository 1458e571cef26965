// Whole federations in one process, with the faults of a network: what the coordinator's totals hold is
// exactly what the nodes measured, neither lost nor twice. Each test prints its seed.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/report/batch_queue.h"
#include "fedcarbon/report/reporter.h"
#include "server/query/conservation.h"
#include "server/store/memory_store.h"
#include "tests/simulation/in_process_transport.h"
#include "tests/unit/random_seed.h"

namespace fedcarbon::simulation {
namespace {

constexpr char kAggregator[] = "aggregator.example";
constexpr absl::Duration kPatience = absl::Minutes(2);  // far above what any of this takes

/// A process of a node: its meter and its reporter.
struct Process {
  std::shared_ptr<Reporter> reporter;
  std::shared_ptr<Meter> meter;
};

Process Start(const std::string& node, Coordinator* coordinator, size_t batch_bytes = 2'000) {
  ReporterOptions options;
  options.node = node;
  options.batch_bytes = batch_bytes;
  options.batch_interval = absl::Milliseconds(20);
  options.shutdown_deadline = kPatience;
  options.shipping.first_backoff = absl::Milliseconds(1);
  options.shipping.longest_backoff = absl::Milliseconds(20);
  Process process;
  process.reporter = *Reporter::Create(options, coordinator->NewTransport(),
                                       std::make_unique<MemoryBatchQueue>(Bytes(64'000'000)));
  MeterOptions meter_options;
  meter_options.node = node;
  process.meter = *Meter::Create(meter_options, process.reporter);
  return process;
}

/// Counts by hand, beside the meters.
struct Counted {
  uint64_t messages = 0;
  uint64_t bytes = 0;
  friend bool operator==(const Counted& a, const Counted& b) {
    return a.messages == b.messages && a.bytes == b.bytes;
  }
  friend std::ostream& operator<<(std::ostream& out, const Counted& counted) {
    return out << counted.messages << " messages of " << counted.bytes << " B";
  }
};
using Edge = std::pair<std::string, std::string>;
using Ledger = std::map<std::pair<RoundId, Edge>, Counted>;

/// One call of `client` to the aggregator, observed at both ends; booked in `ledger`.
void Call(const Process& client, const std::string& node, const Process& server, const RoundId& round,
          uint64_t up, uint64_t down, Ledger* ledger) {
  CallStart start;
  start.end = v1::END_CLIENT;
  start.observer = v1::OBSERVER_INTERCEPTOR;
  start.peer = kAggregator;
  start.method = "/fedcarbon.test.Training/Push";
  start.round = round;
  const auto at_client = client.meter->StartCall(start);
  start.call_id = at_client->call_id();
  start.end = v1::END_SERVER;
  start.peer = node;
  const auto at_server = server.meter->StartCall(start);
  const auto size = [](uint64_t bytes) {
    MessageSize size;
    size.message = Bytes(bytes);
    size.kind = v1::COUNT_KIND_SERIALIZED;
    return size;
  };
  at_client->OnMessage(Direction::kSent, size(up), round);
  at_server->OnMessage(Direction::kReceived, size(up), round);
  at_server->OnMessage(Direction::kSent, size(down), round);
  at_client->OnMessage(Direction::kReceived, size(down), round);
  at_server->End(0);
  at_client->End(0);
  Counted& sent = (*ledger)[{round, {node, kAggregator}}];
  ++sent.messages;
  sent.bytes += up;
  Counted& received = (*ledger)[{round, {kAggregator, node}}];
  ++received.messages;
  received.bytes += down;
}

/// What the store holds of one kind of observer, over all runs in `expected` and what named none.
Ledger Stored(server::Store* store, const Ledger& expected, bool reported_by_sender) {
  std::vector<server::EdgeRow> rows;
  const auto take = [&rows](absl::StatusOr<std::vector<server::EdgeRow>> more) {
    ASSERT_TRUE(more.ok()) << more.status();
    rows.insert(rows.end(), more->begin(), more->end());
  };
  std::set<std::string> runs;
  for (const auto& [key, counted] : expected) runs.insert(key.first.run);
  for (const std::string& run : runs) {
    take(store->Edges(run, {}, false));
    take(store->Edges(run, {}, true));
  }
  Ledger stored;
  for (const server::EdgeRow& row : rows) {
    if (row.key.reported_by_sender != reported_by_sender) continue;
    Counted& counted = stored[{row.key.round, {row.key.from, row.key.to}}];
    counted.messages += row.totals.messages;
    counted.bytes += row.totals.message.bytes.count();
  }
  return stored;
}

void Flush(const Process& process) {
  const absl::Status status = process.reporter->Flush(kPatience);
  ASSERT_TRUE(status.ok()) << status;
}

void ExpectEqualToBothEnds(server::Store* store, const Ledger& expected) {
  EXPECT_EQ(Stored(store, expected, true), expected) << "as the senders reported";
  EXPECT_EQ(Stored(store, expected, false), expected) << "as the receivers reported";
}

void Merge(const Ledger& from, Ledger* into) {
  for (const auto& [key, counted] : from) {
    (*into)[key].messages += counted.messages;
    (*into)[key].bytes += counted.bytes;
  }
}

/// Nodes on threads of their own, each making calls over several rounds, some of them without a round or a
/// run.
Ledger Train(const std::vector<std::pair<std::string, const Process*>>& nodes, const Process& aggregator,
             int calls, uint64_t seed) {
  std::vector<Ledger> ledgers(nodes.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < nodes.size(); ++i) {
    threads.emplace_back([&, i] {
      std::mt19937_64 random(seed + i);
      for (int call = 0; call < calls; ++call) {
        RoundId round{"run-1", random() % 5};
        if (random() % 7 == 0) round.round.reset();
        if (random() % 7 == 0) round = {};
        Call(*nodes[i].second, nodes[i].first, aggregator, round, random() % 2'000'000, random() % 2'000,
             &ledgers[i]);
      }
    });
  }
  Ledger all;
  for (size_t i = 0; i < nodes.size(); ++i) {
    threads[i].join();
    Merge(ledgers[i], &all);
  }
  return all;
}

class FederationTest : public ::testing::Test {
 protected:
  void TearDown() override {
    const absl::Status conserved = server::CheckConservation(&store_);
    EXPECT_TRUE(conserved.ok()) << conserved;
  }

  const uint64_t seed_ = RandomSeed();
  server::MemoryStore store_;
};

TEST_F(FederationTest, CountsEveryTransferOnceOverABadNetwork) {
  Coordinator coordinator(&store_, {0.02, 0.02, true}, seed_);
  const Process aggregator = Start(kAggregator, &coordinator);
  std::vector<Process> processes;
  std::vector<std::pair<std::string, const Process*>> nodes;
  for (int i = 0; i < 4; ++i)
    processes.push_back(Start(absl::StrCat("hospital-", i, ".example"), &coordinator));
  for (int i = 0; i < 4; ++i) nodes.emplace_back(absl::StrCat("hospital-", i, ".example"), &processes[i]);
  const Ledger expected = Train(nodes, aggregator, 400, seed_);
  for (const Process& process : processes) Flush(process);
  Flush(aggregator);
  ExpectEqualToBothEnds(&store_, expected);
}

TEST_F(FederationTest, SurvivesACoordinatorThatIsRestartedMidRun) {
  Coordinator coordinator(&store_, {}, seed_);
  const Process aggregator = Start(kAggregator, &coordinator);
  const Process hospital = Start("hospital.example", &coordinator);
  std::atomic<bool> done{false};
  std::thread restarts([&] {
    while (!done) coordinator.Restart();
  });
  const Ledger expected = Train({{"hospital.example", &hospital}}, aggregator, 2'000, seed_);
  done = true;
  restarts.join();
  Flush(hospital);
  Flush(aggregator);
  ExpectEqualToBothEnds(&store_, expected);
}

TEST_F(FederationTest, AddsTwoProcessesOfOneNodeAndALaterLife) {
  Coordinator coordinator(&store_, {0.01, 0.01, false}, seed_);
  const Process aggregator = Start(kAggregator, &coordinator);
  Ledger expected;
  {
    const Process first = Start("hospital.example", &coordinator);
    const Process second = Start("hospital.example", &coordinator);
    expected = Train({{"hospital.example", &first}, {"hospital.example", &second}}, aggregator, 200, seed_);
    Flush(first);
    Flush(second);
  }
  const Process again = Start("hospital.example", &coordinator);
  Merge(Train({{"hospital.example", &again}}, aggregator, 200, seed_ + 100), &expected);
  Flush(again);
  Flush(aggregator);
  ExpectEqualToBothEnds(&store_, expected);
}

TEST_F(FederationTest, ADeadCoordinatorNeverHoldsTrainingUp) {
  Coordinator coordinator(&store_, {1, 0, false}, seed_);
  const Process aggregator = Start(kAggregator, &coordinator);
  const Process hospital = Start("hospital.example", &coordinator);
  const Ledger expected = Train({{"hospital.example", &hospital}}, aggregator, 2'000, seed_);
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(hospital.reporter->Flush(absl::Milliseconds(50)).code(), absl::StatusCode::kDeadlineExceeded);
  hospital.reporter->Stop(absl::ZeroDuration());
  aggregator.reporter->Stop(absl::ZeroDuration());
}

}  // namespace
}  // namespace fedcarbon::simulation
