// What metering costs the program: a transfer recorded, a span recorded, with a Reporter behind it whose
// batches go nowhere slow.
#include <benchmark/benchmark.h>

#include <memory>

#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/meter.h"

namespace fedcarbon {
namespace {

/// Drops facts: what is measured is the recording, not the queue behind it.
class NullSink : public FactSink {
 public:
  void Record(Fact fact) override { benchmark::DoNotOptimize(fact); }
};

std::shared_ptr<Meter> NewMeter() {
  MeterOptions options;
  options.node = "bench.example";
  return *Meter::Create(options, std::make_shared<NullSink>());
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
BENCHMARK(RecordSpan)->Repetitions(9);

}  // namespace
}  // namespace fedcarbon
