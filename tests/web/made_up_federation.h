// A federation that exists in memory alone: what the tests of the page and of the API look at.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fedcarbon/sync/clock.h"
#include "server/store/memory_store.h"

namespace fedcarbon::server {

/// One run of an aggregator and its hospitals, told to a store as their batches would. It holds an edge whose
/// ends disagree, bytes that nobody confirmed, bytes of no round, and a gap; from its third round on waste of
/// each category in turn, heartbeats that name no run, and a hospital whose compute is known as a proxy knows
/// it. Not thread-safe, but the store is.
class MadeUpFederation {
 public:
  static constexpr char kRun[] = "3f0e8a52-0a4e-4f0e-9d0a-0c6f2f4a9c11";
  static constexpr char kAggregator[] = "aggregator.example";

  /// Rounds from 0. Without rounds, no run. `hospitals` is at least 1; the last one is called
  /// `last_hospital`.
  MadeUpFederation(uint64_t rounds, uint64_t hospitals, const std::string& run_name,
                   const std::string& last_hospital);

  void AddRound();

  Store* store() { return &store_; }
  /// Shows when the last fact was measured.
  const Clock* clock() const { return &clock_; }

 private:
  TotalsDelta Delta(const std::string& node, absl::Time begin) const;
  void Describe(const std::string& node, const std::string& country, v1::LinkKind link);
  void Open(const std::string& name);
  void Append(const std::string& node, const TotalsDelta& delta);

  const absl::Time start_;
  ManualClock clock_;
  MemoryStore store_;
  std::vector<std::string> hospitals_;
  std::map<std::string, uint64_t> sequences_;
  uint64_t round_ = 0;
};

}  // namespace fedcarbon::server
