// A coordinator and its report streams in one process, without a network, and with the faults of one: streams
// that break, acknowledgements that are lost, batches that arrive twice, a coordinator that is restarted.
// What is random comes from one seed. Everything that is threaded in production is so here, and nothing needs
// gRPC.
#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "fedcarbon/report/transport.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "server/ingest/ingestor.h"
#include "server/ingest/report_session.h"
#include "server/metrics/metrics.h"
#include "server/store/store.h"

namespace fedcarbon::simulation {

struct Faults {
  double broken = 0;   // probability, per request, that the stream breaks before it arrives
  double lost = 0;     // per answer, that the stream breaks before it is heard
  bool twice = false;  // every batch arrives twice
};

/// Thread-safe. The store outlives it, and its restarts.
class Coordinator {
 public:
  Coordinator(server::Store* store, Faults faults, uint64_t seed)
      : store_(store), faults_(faults), random_(seed), ingestor_(NewIngestor()) {}

  /// Ends every stream and starts anew on the same store.
  void Restart();

  std::unique_ptr<Transport> NewTransport();

 private:
  class Stream;
  class InProcessTransport;

  std::shared_ptr<server::Ingestor> NewIngestor() {
    return std::make_shared<server::Ingestor>(store_, Clock::System(), &metrics_);
  }
  bool Happens(double probability) {
    MutexLock lock(&mutex_);
    return std::bernoulli_distribution(probability)(random_);
  }

  server::Store* const store_;
  const Faults faults_;
  server::Metrics metrics_;
  Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<server::Ingestor> ingestor_ ABSL_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::simulation
