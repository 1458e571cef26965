#include "fedcarbon/meter/usage_book.h"

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "absl/numeric/int128.h"

namespace fedcarbon {
namespace {

// Never reused, as the system's thread ids are.
uint64_t ThisThread() {
  static std::atomic<uint64_t> threads{0};
  thread_local const uint64_t thread = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  return thread;
}

// Share `index` of `total` in `count` equal shares; they sum to the total.
int64_t EqualShare(int64_t total, size_t index, size_t count) {
  const auto n = static_cast<int64_t>(count);
  return total / n + (static_cast<int64_t>(index) < total % n ? 1 : 0);
}

}  // namespace

// The threads' clocks are read before the process's here, and after it at a sample: their time is never short
// of their part of the process's.
UsageBook::UsageBook(const CpuClock* cpu, OpenCalls* calls, absl::Time start, absl::Duration began)
    : cpu_(cpu),
      calls_(calls),
      own_threads_(cpu->OwnThreads()),
      process_(cpu->Process()),
      start_(start),
      began_(began) {}

void UsageBook::Open(OpenSpan* span) {
  span->thread = ThisThread();
  MutexLock lock(&mutex_);
  EndSlice();
  open_[span->thread].push_back(span);
}

void UsageBook::Close(const OpenSpan& span) {
  MutexLock lock(&mutex_);
  EndSlice();
  const auto thread = open_.find(span.thread);
  auto& spans = thread->second;
  spans.erase(std::find(spans.begin(), spans.end(), &span));
  if (spans.empty()) open_.erase(thread);
  if (span.cpu_ns > 0) shares_[{span.kind, span.round}] += span.cpu_ns;
}

void UsageBook::EndSlice() {
  const absl::Duration now = cpu_->Process();
  const int64_t slice_ns = std::max<int64_t>(0, absl::ToInt64Nanoseconds(now - process_));
  process_ = std::max(process_, now);
  if (open_.empty()) return BookUnclaimed(slice_ns);
  calls_->SkipSlice();

  absl::InlinedVector<OpenSpan*, 8> computing;
  absl::InlinedVector<OpenSpan*, 8> serving;
  for (const auto& [thread, spans] : open_) {
    const auto innermost = std::find_if(
        spans.rbegin(), spans.rend(), [](const OpenSpan* span) { return span->kind != v1::SPAN_KIND_SERVE; });
    if (innermost != spans.rend()) {
      computing.push_back(*innermost);
    } else {
      serving.push_back(spans.back());
    }
  }
  const auto& claimants = computing.empty() ? serving : computing;
  for (size_t i = 0; i < claimants.size(); ++i) {
    claimants[i]->cpu_ns += EqualShare(slice_ns, i, claimants.size());
  }
}

void UsageBook::BookUnclaimed(int64_t slice_ns) {
  const OpenCalls::Served served = calls_->EndSlice();
  if (slice_ns == 0) return;
  const v1::SpanKind kind = served.any ? v1::SPAN_KIND_SERVE : v1::SPAN_KIND_OTHER;
  if (served.rounds.empty()) shares_[{kind, RoundId{}}] += slice_ns;
  for (size_t i = 0; i < served.rounds.size(); ++i) {
    shares_[{kind, served.rounds[i]}] += EqualShare(slice_ns, i, served.rounds.size());
  }
}

// The threads' clocks are read after the process's, and their time may lie in slices of an earlier sample:
// what does not fit into this one is taken out of the next.
void UsageBook::TakeOutOwnThreads() {
  int64_t total_ns = 0;
  for (const auto& [key, ns] : shares_) total_ns += ns;
  if (total_ns == 0) return;
  const int64_t own_ns =
      std::clamp<int64_t>(absl::ToInt64Nanoseconds(cpu_->OwnThreads() - own_threads_), 0, total_ns);
  own_threads_ += absl::Nanoseconds(own_ns);
  const auto own_until = [&](int64_t seen_ns) {  // of the first seen_ns of the shares
    return static_cast<int64_t>(absl::int128(seen_ns) * own_ns / total_ns);
  };
  int64_t seen_ns = 0;
  for (auto& [key, ns] : shares_) {
    const int64_t own_before = own_until(seen_ns);
    seen_ns += ns;
    ns -= own_until(seen_ns) - own_before;
  }
  shares_[{v1::SPAN_KIND_FEDCARBON, RoundId{}}] += own_ns;
}

std::vector<Usage> UsageBook::Sample(absl::Time now, absl::Duration monotonic) {
  std::vector<Usage> usages;
  MutexLock lock(&mutex_);
  EndSlice();
  for (auto& [thread, spans] : open_) {
    for (OpenSpan* span : spans) {
      if (span->cpu_ns > 0) shares_[{span->kind, span->round}] += span->cpu_ns;
      span->cpu_ns = 0;
    }
  }
  TakeOutOwnThreads();
  for (const auto& [key, ns] : shares_) {
    carried_ns_ += ns;
    Usage usage;
    usage.kind = key.first;
    usage.round = key.second;
    usage.start = start_;
    usage.wall = monotonic - began_;
    usage.cpu = absl::Microseconds(carried_ns_ / 1000);
    carried_ns_ %= 1000;
    if (usage.cpu > absl::ZeroDuration()) usages.push_back(std::move(usage));
  }
  shares_.clear();
  start_ = now;
  began_ = monotonic;
  return usages;
}

}  // namespace fedcarbon
