#include "server/store/accumulated_totals.h"

#include <algorithm>

#include "fedcarbon/status/check.h"

namespace fedcarbon::server {
namespace {

// A row that knows its round awaits nothing; one whose Binding named only the run waits on.
void BookTo(const RoundId& round, EdgeKey* key) {
  key->round = round;
  if (round.known()) {
    key->epoch = 0;
    key->binding = 0;
  }
}

}  // namespace

BindingKey AwaitedBy(const EdgeKey& key) {
  return {key.reported_by_sender ? key.from : key.to, key.epoch, key.binding};
}

void AccumulatedTotals::Add(uint64_t position, absl::Time received, const TotalsDelta& delta) {
  FEDCARBON_CHECK(position > last_position_);
  last_position_ = position;
  AddNode(received, delta);
  for (const auto& [run, times] : delta.run_times) {
    TouchRun(position, run, times.first, times.second);
  }
  for (const RunEvent& event : delta.run_events) AddRunEvent(event, delta);
  for (const RoundEvent& event : delta.round_events) AddRoundEvent(position, event);
  for (const auto& [key, totals] : delta.compute) {
    compute_[key] += totals;
    Touch(position, key.round);
  }
  for (const auto& [key, totals] : delta.transport) transport_[key] += totals;
  for (const auto& [key, totals] : delta.overhead) overhead_[key] += totals;
  for (const Gap& gap : delta.gaps) gaps_.push_back({position, {delta.node, gap}});
  for (const NodeBinding& binding : delta.bindings) {
    Bind(position, {delta.node, binding.epoch, binding.binding.key}, binding.binding.round);
  }
  for (const auto& [key, times] : delta.awaiting_times) {
    const auto bound = bindings_.find({delta.node, delta.epoch, key});
    if (bound == bindings_.end()) continue;
    TouchRun(position, bound->second.run, times.first, times.second);
  }
  for (const auto& [unbound, totals] : delta.edges) {
    EdgeKey key = unbound;
    if (key.binding != 0) {
      const auto bound = bindings_.find(AwaitedBy(key));
      if (bound != bindings_.end()) BookTo(bound->second, &key);
    }
    AddEdge(key, totals);
    Touch(position, key.round);
  }
}

void AccumulatedTotals::AddEdge(EdgeKey key, const EdgeTotals& totals) {
  if (key.binding != 0) awaiting_[AwaitedBy(key)].insert(key);
  edges_[std::move(key)] += totals;
}

void AccumulatedTotals::AddRunEvent(const RunEvent& event, const TotalsDelta& delta) {
  RunRecord& record = runs_[event.run];
  if (event.outcome != v1::OUTCOME_UNSPECIFIED) {
    record.ended = event.outcome;
    return;
  }
  run_starts_.insert({event.run, delta.node, delta.epoch});
  if (!event.name.empty()) record.name = event.name;
  if (event.planned_rounds != 0) record.planned_rounds = event.planned_rounds;
}

void AccumulatedTotals::AddRoundEvent(uint64_t position, const RoundEvent& event) {
  Touch(position, {event.run, event.round});
  RoundRecord& record = rounds_[{event.run, event.round}];
  if (event.outcome == v1::OUTCOME_UNSPECIFIED) {
    record.started = std::min(record.started.value_or(event.time), event.time);
  } else {
    record.ended = std::max(record.ended.value_or(event.time), event.time);
    record.outcome = event.outcome;
  }
}

void AccumulatedTotals::AddNode(absl::Time received, const TotalsDelta& delta) {
  auto [entry, is_new] = nodes_.try_emplace(delta.node);
  NodeRecord& record = entry->second;
  record.node = delta.node;
  record.first_received = is_new ? received : std::min(record.first_received, received);
  record.last_received = is_new ? received : std::max(record.last_received, received);
  if (delta.description) record.description = *delta.description;
  if (delta.clock) record.clock = delta.clock;
  ++record.batches;
  if (!delta.is_signed) ++record.unsigned_batches;
  AddCount(&record.unknown_fields, delta.unknown_fields);
}

void AccumulatedTotals::Bind(uint64_t position, const BindingKey& binding, const RoundId& round) {
  bindings_[binding] = round;
  Touch(position, round);
  const auto waiting = awaiting_.find(binding);
  if (waiting == awaiting_.end()) return;
  const std::set<EdgeKey> keys = std::move(waiting->second);
  awaiting_.erase(waiting);
  for (const EdgeKey& key : keys) {
    auto row = edges_.extract(key);
    FEDCARBON_CHECK(!row.empty());
    EdgeKey moved = key;
    BookTo(round, &moved);
    // Of a row that lay here only its hour is known: both runs then reach into it.
    const absl::Time hour = absl::UnixEpoch() + absl::Hours(key.hour);
    for (const std::string* run : {&key.round.run, &round.run}) {
      TouchRun(position, *run, hour + absl::Hours(1) - absl::Microseconds(1), hour);
    }
    AddEdge(std::move(moved), row.mapped());
  }
}

void AccumulatedTotals::TouchRun(uint64_t position, const std::string& run, absl::Time first,
                                 absl::Time last) {
  if (run.empty()) return;
  auto [entry, is_new] = runs_.try_emplace(run);
  RunRecord& record = entry->second;
  record.id = run;
  record.first_fact = is_new ? first : std::min(record.first_fact, first);
  record.last_fact = is_new ? last : std::max(record.last_fact, last);
  if (is_new) record.first_position = position;
  record.last_position = position;
}

void AccumulatedTotals::Touch(uint64_t position, const RoundId& round) {
  if (!round.known()) return;
  RoundRecord& record = rounds_[{round.run, *round.round}];
  record.round = *round.round;
  record.last_position = position;
}

}  // namespace fedcarbon::server
