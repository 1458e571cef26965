// What a page costs: a run's summary of 1,000 rounds x 100 nodes, and a page of 100 rounds of 10 nodes, under
// two network models; with counted rounds in the cache, and without.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "fedcarbon/sync/clock.h"
#include "server/ingest/extract_totals.h"
#include "server/query/footprint_query.h"
#include "server/store/sqlite/sqlite_store.h"

namespace fedcarbon::server {
namespace {

constexpr char kAggregator[] = "aggregator.example";

std::string NodeName(int node) { return absl::StrCat("hospital-", node, ".example"); }

/// An SQLite store in a temporary folder, as the coordinator has one; never closed.
Store* NewSqliteStore() {
  std::string folder = (std::filesystem::temp_directory_path() / "fedcarbon-query-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) std::abort();
  return SqliteStore::Open(folder, ExtractStoredTotals)->release();
}

/// A run with an aggregator and `nodes` hospitals; every edge is reported by both its ends.
Store* NewStore(int rounds, int nodes) {
  Store* const store = NewSqliteStore();
  const absl::Time start = Clock::System()->Now();
  const Hour hour = absl::ToUnixSeconds(start) / 3600;
  uint64_t sequence = 0;
  const auto append = [&](TotalsDelta delta, const std::string& node) {
    Submission submission;
    submission.id = {node, 1, node == kAggregator ? ++sequence : 1};
    submission.received = start;
    submission.sealed = "-";
    delta.node = node;
    delta.epoch = 1;
    submission.delta = std::move(delta);
    if (!store->Append({submission}).ok()) std::abort();
  };
  for (int node = 0; node < nodes; ++node) {
    TotalsDelta delta;
    delta.description.emplace();
    delta.description->set_country(node % 2 == 0 ? "FRA" : "POL");
    delta.description->set_link(v1::LINK_KIND_FIXED);
    append(std::move(delta), NodeName(node));
  }
  for (int round = 0; round < rounds; ++round) {
    TotalsDelta delta;
    delta.run_times["run"] = {start, start + absl::Minutes(1)};
    const RoundId id{"run", static_cast<uint64_t>(round)};
    for (int node = 0; node < nodes; ++node) {
      for (const bool up : {true, false}) {
        for (const bool by_sender : {true, false}) {
          EdgeKey key;
          key.round = id;
          key.from = up ? NodeName(node) : kAggregator;
          key.to = up ? kAggregator : NodeName(node);
          key.reported_by_sender = by_sender;
          key.observer = v1::OBSERVER_INTERCEPTOR;
          key.hour = hour;
          EdgeTotals totals;
          totals.transfers = totals.messages = 2;
          (up ? totals.requests : totals.responses) = 2;
          totals.message = {2, Bytes(1'000'000 + static_cast<uint64_t>(round))};
          delta.edges[key] = totals;
        }
      }
      delta.compute[{id, NodeName(node), v1::SPAN_KIND_TRAIN, hour}].cpu = absl::Seconds(3);
    }
    delta.compute[{id, kAggregator, v1::SPAN_KIND_AGGREGATE, hour}].cpu = absl::Seconds(1);
    append(std::move(delta), kAggregator);
  }
  return store;
}

std::unique_ptr<FootprintQuery> NewQuery(Store* store) {
  return *FootprintQuery::Create(store, Clock::System(), "", "");
}

v1::Method TwoModels() {
  v1::Method method;
  method.add_network_models("net.default/1");
  method.add_network_models("net.malmodin-marginal/2020");
  return method;
}

void Summarise(benchmark::State& state, bool cached) {
  static Store* const store = NewStore(1'000, 100);
  v1::GetRunRequest request;
  *request.mutable_method() = TwoModels();
  auto query = NewQuery(store);
  if (cached && !query->GetRun(request).ok()) std::abort();
  for (auto _ : state) {
    if (!cached) {
      state.PauseTiming();
      query = NewQuery(store);
      state.ResumeTiming();
    }
    auto answer = query->GetRun(request);
    if (!answer.ok()) state.SkipWithError(answer.status().ToString().c_str());
    benchmark::DoNotOptimize(answer);
  }
}
void RunSummary(benchmark::State& state) { Summarise(state, true); }
void RunSummaryUncached(benchmark::State& state) { Summarise(state, false); }
BENCHMARK(RunSummary)->Repetitions(9)->Unit(benchmark::kMillisecond);
BENCHMARK(RunSummaryUncached)->Repetitions(5)->Iterations(1)->Unit(benchmark::kMillisecond);

void RoundsPage(benchmark::State& state) {
  static Store* const store = NewStore(1'000, 10);
  const auto query = NewQuery(store);
  v1::ListRoundsRequest request;
  *request.mutable_method() = TwoModels();
  request.set_from(300);
  request.set_page_size(100);
  for (auto _ : state) {
    auto answer = query->ListRounds(request);
    if (!answer.ok() || answer->rounds_size() != 100) state.SkipWithError("not 100 rounds");
    benchmark::DoNotOptimize(answer);
  }
}
BENCHMARK(RoundsPage)->Repetitions(9)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fedcarbon::server
