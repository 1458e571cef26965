// Facts that named no run: what of them no run holds, and fedcarbon's own computation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "fedcarbon/sync/mutex.h"
#include "server/query/run_cache.h"
#include "server/store/store.h"

namespace fedcarbon::server {

struct FederationRest {
  uint64_t position = 0;  // of the store's last batch when this was read
  RunNames names;
  Counted unattributed;  // over all time, counted once: edges less what the runs hold of them, and what
                         // connections carried beyond all calls
  std::map<std::pair<std::string, Hour>, absl::Duration> own_cpu;  // fedcarbon's own, by node
};

/// Thread-safe. Keeps the last answer for as long as the store does not grow.
class FederationRestCache {
 public:
  /// Both must outlive this.
  FederationRestCache(Store* store, RunCache* runs) : store_(store), runs_(runs) {}

  /// Errors: the store's.
  absl::StatusOr<std::shared_ptr<const FederationRest>> Get() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  /// What the connections of all edges carried; numbers what is new.
  absl::StatusOr<TransportShares> ReadTransport(FederationRest* rest);

  /// Takes from each edge of `recorded`, facts without a run, what the runs hold of it: an end that did not
  /// know the run may have reported what the other end booked to one. Adds what its connections carried
  /// beyond both: links that idle, and what could not be decoded.
  absl::Status CountEdgesLessRuns(std::vector<EdgeObservation> recorded, const TransportShares& transport,
                                  FederationRest* rest);

  Store* const store_;
  RunCache* const runs_;
  Mutex mutex_;
  std::shared_ptr<const FederationRest> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::server
