#include "server/query/conservation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "fedcarbon/report/batch_builder.h"
#include "server/ingest/extract_totals.h"
#include "tests/unit/random_seed.h"
#include "tests/unit/server/query/federation.h"

namespace fedcarbon::server {
namespace {

using ::testing::HasSubstr;

constexpr const char* kNodes[] = {"a.example", "b.example", "c.example"};

// Calls between three nodes, as one end or both saw them, in rounds that an end may not know or only later.
class RandomFederation {
 public:
  explicit RandomFederation(uint64_t seed) : random_(seed), only_proxies_(random_() % 2 == 0) {}

  std::vector<Submission> Submissions() {
    for (uint64_t call = 1; call <= 300; ++call) AddCall(call);
    std::vector<Submission> submissions;
    for (const auto& [node, facts] : facts_) Seal(node, facts, &submissions);
    return submissions;
  }

 private:
  void AddCall(uint64_t call) {
    const size_t client = random_() % 3;
    const size_t server = (client + 1 + random_() % 2) % 3;
    Transfer transfer;
    transfer.call_id = call;
    transfer.method = "/demo.Training/Fit";
    transfer.start = kStart + absl::Minutes(random_() % 120);
    transfer.status = random_() % 5 == 0 ? 14 : 0;
    transfer.attempt = random_() % 5 == 0 ? 1 : 0;
    transfer.answered = random_() % 10 != 0;
    transfer.sent.kind = transfer.received.kind = v1::COUNT_KIND_SERIALIZED;
    transfer.sent.messages = transfer.received.messages = 1 + random_() % 3;
    const Bytes request(random_() % 100'000);
    const Bytes response(random_() % 100'000);
    const RoundId round{random_() % 2 == 0 ? "run:1" : "run:2", random_() % 5};
    for (const v1::End end : {v1::END_CLIENT, v1::END_SERVER}) {
      if (random_() % 5 == 0) continue;
      const bool is_client = end == v1::END_CLIENT;
      transfer.end = end;
      const bool is_proxy = only_proxies_ || random_() % 4 == 0;
      transfer.observer = is_proxy ? v1::OBSERVER_PROXY : v1::OBSERVER_INTERCEPTOR;
      transfer.peer = kNodes[is_client ? server : client];
      transfer.sent.message_bytes = is_client ? request : response;
      transfer.received.message_bytes = is_client ? response : request;
      transfer.binding = 0;
      transfer.round = round;
      auto& facts = facts_[kNodes[is_client ? client : server]];
      switch (random_() % 4) {
        case 0:
          transfer.round = {};
          break;
        case 1:
          transfer.round = {};
          transfer.binding = call;
          if (random_() % 2 == 0) facts.push_back(Binding{call, round});
          break;
        case 2:
          transfer.round.round.reset();
          break;
        default:
          break;
      }
      facts.push_back(transfer);
      if (transfer.observer != v1::OBSERVER_PROXY) continue;
      Connection connection;
      connection.peer = transfer.peer;
      connection.end = end;
      connection.start = kStart + absl::Minutes(random_() % 120);
      connection.sent = Bytes(random_() % 100'000);
      connection.received = Bytes(random_() % 100'000);
      facts.push_back(connection);
    }
  }

  static void Seal(const std::string& node, const std::vector<Fact>& facts,
                   std::vector<Submission>* submissions) {
    BatchBuilder builder(2000);
    uint64_t sequence = 0;
    const auto seal = [&] {
      Submission submission;
      submission.id = {node, 1, ++sequence};
      submission.received = kStart;
      submission.sealed = builder.Seal(submission.id, {kStart, absl::Hours(1), "boot"});
      submission.delta = ExtractTotals(OpenSealedBatch(submission.sealed).value()).value();
      submissions->push_back(submission);
    };
    for (const Fact& fact : facts) {
      if (builder.Add(fact)) continue;
      seal();
      ASSERT_TRUE(builder.Add(fact));
    }
    seal();
  }

  std::mt19937_64 random_;
  const bool only_proxies_;
  std::map<std::string, std::vector<Fact>> facts_;
};

TEST(Conservation, HoldsForRandomFederations) {
  const uint64_t seed = RandomSeed();
  for (uint64_t i = 0; i < 20; ++i) {
    MemoryStore store;
    const std::vector<Submission> submissions = RandomFederation(seed + i).Submissions();
    ASSERT_TRUE(store.Append(submissions).ok());
    EXPECT_EQ(CheckConservation(&store), absl::OkStatus()) << "seed " << seed + i;
  }
}

TEST(Conservation, ALostAndADoubledByteAreFound) {
  for (const int64_t change : {-1, 1}) {
    MemoryStore store;
    std::vector<Submission> submissions = RandomFederation(7).Submissions();
    Bytes& bytes = submissions[1].delta.edges.begin()->second.message.bytes;
    bytes = Bytes(bytes.count() + change);
    ASSERT_TRUE(store.Append(submissions).ok());
    const absl::Status status = CheckConservation(&store);
    EXPECT_TRUE(absl::IsDataLoss(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr("batches hold"));
  }
}

TEST(Conservation, ALostByteOfAConnectionIsFound) {
  MemoryStore store;
  std::vector<Submission> submissions = RandomFederation(7).Submissions();
  TransportTotals& totals = submissions[1].delta.transport.begin()->second;
  totals.transport = Bytes(totals.transport.count() + 1);
  ASSERT_TRUE(store.Append(submissions).ok());
  EXPECT_THAT(std::string(CheckConservation(&store).message()), HasSubstr("B of connections"));
}

}  // namespace
}  // namespace fedcarbon::server
