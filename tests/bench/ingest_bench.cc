// Batches per second through the real report service: 8 streams over loopback into one SQLite file,
// acknowledged after commit with synchronous=FULL, with 10 million transfers already stored. The argument is
// the transfers of a batch.
#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fedcarbon/report/batch_builder.h"
#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/v1/report.grpc.pb.h"
#include "server/ingest/extract_totals.h"
#include "server/ingest/grpc/report_service.h"
#include "server/ingest/ingestor.h"
#include "server/metrics/metrics.h"
#include "server/store/sqlite/sqlite_store.h"

namespace fedcarbon::server {
namespace {

constexpr int kStreams = 8;
constexpr int kStoredBatches = 100'000;
constexpr int kTransfersOfStored = 100;

std::string NodeName(int stream) { return "hospital-" + std::to_string(stream) + ".example"; }

/// Seals batches of one reporter, as its round goes on.
class Sealer {
 public:
  Sealer(std::string node, uint64_t epoch) : node_(std::move(node)), epoch_(epoch), random_(epoch) {}

  std::string Seal(int transfers) {
    BatchBuilder builder(kMaxSealedBatchBytes);
    const absl::Time now = Clock::System()->Now();
    for (int i = 0; i < transfers; ++i) {
      Transfer transfer;
      transfer.call_id = random_();
      transfer.end = v1::END_CLIENT;
      transfer.observer = v1::OBSERVER_INTERCEPTOR;
      transfer.peer = "aggregator.example";
      transfer.method = "/fedcarbon.demo.Training/PushUpdate";
      transfer.round = {"2f1ae9b0-3c1f-4a53-9f1b-1c2d3e4f5a6b", sequence_ / 100};
      transfer.start = now - absl::Microseconds(random_() % 1'000'000);
      transfer.duration = absl::Microseconds(random_() % 20'000);
      transfer.status = 0;
      for (DirectionCounts* counts : {&transfer.sent, &transfer.received}) {
        counts->messages = 1;
        counts->message_bytes = Bytes(random_() % 2'000'000);
        counts->kind = v1::COUNT_KIND_SERIALIZED;
      }
      builder.Add(transfer);
    }
    return builder.Seal({node_, epoch_, ++sequence_}, {now, Clock::System()->Monotonic(), "bench"});
  }

  const std::string& node() const { return node_; }
  uint64_t epoch() const { return epoch_; }
  uint64_t sequence() const { return sequence_; }

 private:
  const std::string node_;
  const uint64_t epoch_;
  std::mt19937_64 random_;
  uint64_t sequence_ = 0;
};

/// The coordinator's ingest, and a file that holds 10 million transfers; made once.
class Coordinator {
 public:
  static Coordinator& Get() {
    static Coordinator coordinator;
    return coordinator;
  }

  std::unique_ptr<v1::ReportService::Stub> NewStub() const {
    return v1::ReportService::NewStub(grpc::CreateCustomChannel(
        "127.0.0.1:" + std::to_string(port_), grpc::InsecureChannelCredentials(), [] {
          grpc::ChannelArguments arguments;
          arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection each, as nodes have
          return arguments;
        }()));
  }

 private:
  Coordinator() : folder_(std::filesystem::temp_directory_path() / "fedcarbon-ingest-bench") {
    std::filesystem::remove_all(folder_);
    store_ = *SqliteStore::Open(folder_, ExtractStoredTotals);
    Fill();
    ingestor_ = std::make_unique<Ingestor>(store_.get(), Clock::System(), &metrics_);
    service_ = std::make_unique<ReportServiceImpl>(ingestor_.get(), Clock::System(), &metrics_);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(service_.get());
    grpc_server_ = builder.BuildAndStart();
  }
  ~Coordinator() {
    grpc_server_->Shutdown();
    grpc_server_.reset();
    service_.reset();
    ingestor_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Fill() {
    Sealer sealer("earlier.example", 1);
    std::vector<Submission> group;
    for (int i = 0; i < kStoredBatches; ++i) {
      Submission submission;
      submission.sealed = sealer.Seal(kTransfersOfStored);
      submission.id = {sealer.node(), sealer.epoch(), sealer.sequence()};
      submission.received = Clock::System()->Now();
      submission.delta = *ExtractTotals(*OpenSealedBatch(submission.sealed));
      group.push_back(std::move(submission));
      if (group.size() < 500 && i + 1 < kStoredBatches) continue;
      if (!store_->Append(group).ok()) std::abort();
      group.clear();
    }
  }

  const std::filesystem::path folder_;
  Metrics metrics_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<Ingestor> ingestor_;
  std::unique_ptr<ReportServiceImpl> service_;
  std::unique_ptr<grpc::Server> grpc_server_;
  int port_ = 0;
};

/// Sends `batches` and waits until all are committed.
void Send(v1::ReportService::Stub* stub, const Sealer& sealer, const std::vector<std::string>& batches) {
  grpc::ClientContext context;
  const auto stream = stub->Report(&context);
  v1::ReportRequest greeting;
  greeting.mutable_greeting()->set_node(sealer.node());
  greeting.mutable_greeting()->set_epoch(sealer.epoch());
  greeting.mutable_greeting()->set_oldest_sequence(sealer.sequence() - batches.size() + 1);
  stream->Write(greeting);
  std::thread writer([&] {
    v1::ReportRequest request;
    for (const std::string& batch : batches) {
      request.set_sealed_batch(batch);
      if (!stream->Write(request)) return;
    }
    stream->WritesDone();
  });
  v1::ReportResponse response;
  while (stream->Read(&response) && response.watermark() < sealer.sequence()) {
  }
  writer.join();
  if (response.watermark() != sealer.sequence()) std::abort();
  while (stream->Read(&response)) {
  }
  stream->Finish();
}

void IngestBatches(benchmark::State& state) {
  const int transfers = static_cast<int>(state.range(0));
  const size_t batches_per_stream = transfers >= 1'000 ? 500 : 2'000;
  Coordinator& coordinator = Coordinator::Get();
  static uint64_t next_epoch = 2;
  std::vector<std::unique_ptr<v1::ReportService::Stub>> stubs;
  std::vector<Sealer> sealers;
  for (int i = 0; i < kStreams; ++i) {
    stubs.push_back(coordinator.NewStub());
    sealers.emplace_back(NodeName(i), next_epoch++);
  }
  for (auto _ : state) {
    std::vector<std::vector<std::string>> batches(kStreams);
    for (int i = 0; i < kStreams; ++i) {
      for (size_t k = 0; k < batches_per_stream; ++k) batches[i].push_back(sealers[i].Seal(transfers));
    }
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int i = 0; i < kStreams; ++i) {
      threads.emplace_back([&, i] { Send(stubs[i].get(), sealers[i], batches[i]); });
    }
    for (std::thread& thread : threads) thread.join();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const double batches = static_cast<double>(state.iterations()) * kStreams * batches_per_stream;
  state.counters["batches_per_s"] = benchmark::Counter(batches, benchmark::Counter::kIsRate);
  state.counters["transfers_per_s"] = benchmark::Counter(batches * transfers, benchmark::Counter::kIsRate);
}
BENCHMARK(IngestBatches)
    ->Arg(1)
    ->Arg(100)
    ->Arg(1'000)
    ->Repetitions(5)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fedcarbon::server
