// Whose CPU time it was: the rule of README.md beside this file, "Spans and usage".
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/cpu_clock.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/meter/open_calls.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

/// A span that is open, owned by its ComputeSpan; what the book changes is guarded by the book's lock.
struct OpenSpan {
  v1::SpanKind kind = v1::SPAN_KIND_OTHER;
  RoundId round;
  absl::Time start;
  absl::Duration began;  // monotonic
  uint64_t thread = 0;   // that opened it
  int64_t cpu_ns = 0;    // its share that is not in the book yet
};

/// Splits the CPU time of the process over spans, slice by slice: a slice ends where a span opens or closes,
/// and at each sample.
///
///  - A slice goes in equal shares to the open spans that have no open child, a child being a span that was
///    opened later on the same thread. Spans of kind SERVE count only while no other is open.
///  - With no span open it is SERVE if calls were served in the slice, booked to the rounds that they named
///    in equal shares, and else OTHER.
///  - What fedcarbon's own threads used since the last sample is taken out of all shares in proportion, and
///    becomes FEDCARBON.
///
/// Nanoseconds inside, whole microseconds outside; what is left over is carried on, so the parts sum to the
/// process at every sample, less than a microsecond short. Thread-safe.
class UsageBook {
 public:
  /// The clock and the calls must outlive the book. It begins now, at `start` and monotonic `began`.
  UsageBook(const CpuClock* cpu, OpenCalls* calls, absl::Time start, absl::Duration began);

  void Open(OpenSpan* span);
  void Close(const OpenSpan& span);

  /// Ends the interval that began with the last sample. One Usage for each kind and round that used CPU time.
  std::vector<Usage> Sample(absl::Time now, absl::Duration monotonic);

 private:
  using Shares = absl::btree_map<std::pair<v1::SpanKind, RoundId>, int64_t>;  // nanoseconds

  void EndSlice() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void BookUnclaimed(int64_t slice_ns) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeOutOwnThreads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CpuClock* const cpu_;
  OpenCalls* const calls_;

  Mutex mutex_;
  absl::flat_hash_map<uint64_t, absl::InlinedVector<OpenSpan*, 4>> open_
      ABSL_GUARDED_BY(mutex_);  // by thread
  Shares shares_ ABSL_GUARDED_BY(mutex_);
  absl::Duration own_threads_ ABSL_GUARDED_BY(mutex_);  // taken out so far
  absl::Duration process_ ABSL_GUARDED_BY(mutex_);      // read at the last slice's end
  int64_t carried_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time start_ ABSL_GUARDED_BY(mutex_);
  absl::Duration began_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon
