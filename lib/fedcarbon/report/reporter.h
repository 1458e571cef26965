// Facts in, acknowledged batches out. README.md in this folder explains threads, guarantees and limits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/fact_sink.h"
#include "fedcarbon/report/batch_queue.h"
#include "fedcarbon/report/shipper.h"
#include "fedcarbon/report/transport.h"
#include "fedcarbon/sync/clock.h"

namespace fedcarbon {

struct ReporterOptions {
  /// The reporting node's name, an IsNodeName. Required.
  std::string node;

  /// A batch is sealed before its bytes would exceed this: 1,000 to kMaxSealedBatchBytes. Fewer bytes lose
  /// less with a process that is killed, more cost less per fact.
  size_t batch_bytes = 60'000;

  /// And at this age, by the monotonic clock. Above zero.
  absl::Duration batch_interval = absl::Seconds(1);

  /// An existing directory that gets each sealed batch as a file (BatchKeeper); empty: none.
  std::string keep;

  /// How long the destructor waits for the last acknowledgement.
  absl::Duration shutdown_deadline = absl::Seconds(2);

  /// How batches are sent; node, epoch and random are the Reporter's own affair.
  ShipperOptions shipping;
};

/// Seals facts into batches, and sends each until the coordinator has committed it. Thread-safe. Owns one
/// thread, marked as fedcarbon's own (OwnThread), which alone uses the queue and the transport.
///
/// What cannot be kept is counted and becomes a Gap; nothing here fails or slows the caller. After Stop, and
/// in a forked child of the process that made it, facts are ignored and every other call returns at once.
class Reporter : public FactSink {
 public:
  /// INVALID_ARGUMENT for options out of range. Begins to connect. `clock` outlives everything.
  static absl::StatusOr<std::shared_ptr<Reporter>> Create(ReporterOptions options,
                                                          std::unique_ptr<Transport> transport,
                                                          std::unique_ptr<BatchQueue> queue,
                                                          const Clock* clock = Clock::System());

  /// Stop(shutdown_deadline).
  ~Reporter() override;

  /// Takes no lock that all threads share, but once in a thousand facts.
  void Record(Fact fact) override;

  /// Seals what was recorded before the call, and waits until the coordinator has committed it.
  /// DEADLINE_EXCEEDED says how many batches are left; they are sent on. DATA_LOSS: since the last flush that
  /// said so, the coordinator refused batches for ever. FAILED_PRECONDITION: stopped, or a forked child.
  absl::Status Flush(absl::Duration deadline);

  /// Flushes for at most `deadline`, then ends the thread; what was not acknowledged is lost and logged.
  /// Should the transport or a file system hang, the thread is left behind.
  void Stop(absl::Duration deadline);

  /// This reporter's life: 64 random bits.
  uint64_t epoch() const { return epoch_; }

 private:
  class Loop;
  Reporter(std::shared_ptr<Loop> loop, uint64_t epoch, absl::Duration shutdown_deadline);
  bool IsForkedChild() const;

  std::shared_ptr<Loop> loop_;  // shared with its thread
  const uint64_t epoch_;
  const absl::Duration shutdown_deadline_;
  const uint64_t fork_generation_;
  std::atomic<bool> stopped_{false};
};

}  // namespace fedcarbon
