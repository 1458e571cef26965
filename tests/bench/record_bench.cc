// What metering costs the program: a transfer recorded, a span recorded, with a Reporter behind it whose
// batches go nowhere slow.
#include <benchmark/benchmark.h>

#include <memory>

#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/meter.h"
#include "fedcarbon/report/batch_queue.h"
#include "fedcarbon/report/reporter.h"
#include "fedcarbon/report/transport.h"

namespace fedcarbon {
namespace {

/// A coordinator that is away: facts are sealed and dropped when the small queue is full.
class NoTransport : public Transport {
 public:
  std::unique_ptr<ReportClientStream> Open(StreamListener* listener) override {
    listener->OnEnd(absl::UnavailableError("no coordinator"));
    return std::make_unique<NoStream>();
  }

 private:
  class NoStream : public ReportClientStream {
   public:
    void Send(v1::ReportRequest) override {}
  };
};

/// With a Reporter on a thread of its own, which shares the machine with what is measured.
std::shared_ptr<Meter> NewMeter() {
  ReporterOptions reporting;
  reporting.node = "bench.example";
  reporting.shutdown_deadline = absl::ZeroDuration();
  MeterOptions options;
  options.node = "bench.example";
  return *Meter::Create(options, *Reporter::Create(reporting, std::make_unique<NoTransport>(),
                                                   std::make_unique<MemoryBatchQueue>(Bytes(1'000'000))));
}

void RecordTransfer(benchmark::State& state) {
  const auto meter = NewMeter();
  CallStart start;
  start.end = v1::END_CLIENT;
  start.observer = v1::OBSERVER_INTERCEPTOR;
  start.peer = "aggregator.example";
  start.method = "/fedcarbon.demo.Training/PushUpdate";
  start.round = {"2f1ae9b0-3c1f-4a53-9f1b-1c2d3e4f5a6b", 3};
  MessageSize size;
  size.message = Bytes(1'000'000);
  size.kind = v1::COUNT_KIND_SERIALIZED;
  for (auto _ : state) {
    const auto call = meter->StartCall(start);
    call->OnMessage(Direction::kSent, size);
    call->OnMessage(Direction::kReceived, size);
    call->End(0);
  }
}
BENCHMARK(RecordTransfer)->Repetitions(9)->ThreadRange(1, 2)->UseRealTime();

void RecordSpan(benchmark::State& state) {
  const auto meter = NewMeter();
  RoundScope scope({"2f1ae9b0-3c1f-4a53-9f1b-1c2d3e4f5a6b", 3});
  for (auto _ : state) {
    ComputeSpan span(meter, v1::SPAN_KIND_TRAIN);
  }
}
BENCHMARK(RecordSpan)->Repetitions(9)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace fedcarbon
