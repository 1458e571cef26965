// A federation whose totals a test writes down, in a store in memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fedcarbon/sync/clock.h"
#include "server/query/footprint_query.h"
#include "server/store/memory_store.h"

namespace fedcarbon::server {

inline const absl::Time kStart =
    absl::FromCivil(absl::CivilSecond(2024, 6, 1, 12, 0, 0), absl::UTCTimeZone());

/// One batch of a node in the making.
class Facts {
 public:
  Facts(const std::string& node, uint64_t epoch) {
    submission_.id = {node, epoch, 0};
    submission_.received = kStart;
    submission_.delta.node = node;
    submission_.delta.epoch = epoch;
  }

  Facts& Describe(const std::string& country, uint32_t pue_thousandths = 0) {
    v1::Node node;
    node.set_country(country);
    node.set_link(v1::LINK_KIND_FIXED);
    node.set_cpu_cores(10);
    node.set_cpu_tdp_watts(120);
    if (pue_thousandths > 0) node.set_pue_thousandths(pue_thousandths);
    submission_.delta.description = node;
    return *this;
  }

  /// Of this category is what moves or travels from here on.
  Facts& Wasted(v1::Waste waste) {
    waste_ = waste;
    return *this;
  }

  /// `bytes` of one message in one call, as this node saw it at one end.
  Facts& Moved(const RoundId& round, const std::string& from, const std::string& to, uint64_t bytes,
               v1::Observer observer = v1::OBSERVER_INTERCEPTOR, bool answered = true, bool request = true,
               uint64_t binding = 0) {
    EdgeKey key;
    key.round = round;
    key.from = from;
    key.to = to;
    key.reported_by_sender = from == submission_.id.node;
    key.observer = observer;
    key.answered = answered;
    key.waste = waste_;
    key.hour = HourOf(kStart);
    if (binding != 0) key.epoch = submission_.id.epoch;
    key.binding = binding;
    if (binding != 0) submission_.delta.awaiting_times[binding] = {kStart, kStart};
    EdgeTotals totals;
    totals.transfers = 1;
    (request ? totals.requests : totals.responses) = 1;
    totals.messages = 1;
    totals.message = {1, Bytes(bytes)};
    submission_.delta.edges[key] += totals;
    return Touch(round, kStart);
  }

  /// `encoded` bytes of a call without a message's end, as a proxy at this end saw them.
  Facts& Travelled(const RoundId& round, const std::string& from, const std::string& to, uint64_t encoded,
                   Hour hour = HourOf(kStart)) {
    EdgeKey key;
    key.round = round;
    key.from = from;
    key.to = to;
    key.reported_by_sender = from == submission_.id.node;
    key.observer = v1::OBSERVER_PROXY;
    key.waste = waste_;
    key.hour = hour;
    EdgeTotals totals;
    totals.transfers = totals.requests = 1;
    totals.encoded = {1, Bytes(encoded)};
    submission_.delta.edges[key] += totals;
    submission_.delta.transport[{from, to, key.reported_by_sender, hour}] += {Bytes(0), Bytes(encoded)};
    return Touch(round, kStart + absl::Hours(hour - HourOf(kStart)));
  }

  /// `bytes` of connections, as the same proxy counted them.
  Facts& Carried(const std::string& from, const std::string& to, uint64_t bytes, Hour hour = HourOf(kStart)) {
    submission_.delta.transport[{from, to, from == submission_.id.node, hour}] += {Bytes(bytes), Bytes(0)};
    return *this;
  }

  Facts& Computed(const RoundId& round, absl::Duration cpu, v1::SpanKind kind = v1::SPAN_KIND_TRAIN,
                  absl::Duration wall = absl::ZeroDuration(), bool is_upper_bound = false) {
    ComputeTotals totals;
    totals.spans = 1;
    totals.cpu = cpu;
    totals.wall = wall;
    totals.wall_is_upper_bound = is_upper_bound;
    submission_.delta.compute[{round, submission_.id.node, kind, HourOf(kStart)}] += totals;
    return Touch(round, kStart);
  }

  Facts& Started(const std::string& run, const std::string& name = "", uint64_t planned = 0) {
    submission_.delta.run_events.push_back({run, kStart, v1::OUTCOME_UNSPECIFIED, name, planned});
    return Touch({run, std::nullopt}, kStart);
  }
  Facts& Ended(const std::string& run, v1::Outcome outcome, absl::Time time) {
    submission_.delta.run_events.push_back({run, time, outcome, "", 0});
    return Touch({run, std::nullopt}, time);
  }
  Facts& RoundTook(const std::string& run, uint64_t round, absl::Time from, absl::Time to) {
    submission_.delta.round_events.push_back({run, round, from, v1::OUTCOME_UNSPECIFIED});
    submission_.delta.round_events.push_back({run, round, to, v1::OUTCOME_COMPLETED});
    return Touch({run, round}, to);
  }
  Facts& Bound(uint64_t key, const RoundId& round) {
    submission_.delta.bindings.push_back({submission_.id.epoch, {key, round}});
    return Touch(round, kStart);
  }
  Facts& Lost(absl::Time from, absl::Time to, v1::Gap::Reason reason = v1::Gap::REASON_QUEUE_FULL) {
    Gap gap;
    gap.reason = reason;
    gap.from = from;
    gap.to = to;
    gap.facts = 7;
    submission_.delta.gaps.push_back(gap);
    return *this;
  }
  Facts& ClockIsOff(absl::Duration offset) {
    submission_.delta.clock = ClockReading{kStart, offset, absl::Milliseconds(1)};
    return *this;
  }
  Facts& Received(absl::Time time) {
    submission_.received = time;
    return *this;
  }
  Facts& Signed() {
    submission_.delta.is_signed = true;
    return *this;
  }
  Facts& Overhead(uint64_t report, uint64_t context) {
    submission_.delta.overhead[{submission_.id.node, HourOf(kStart)}] += {Bytes(report), Bytes(context)};
    return *this;
  }

  const Submission& submission() const { return submission_; }

 private:
  Facts& Touch(const RoundId& round, absl::Time time) {
    if (round.run.empty()) return *this;
    auto [times, added] = submission_.delta.run_times.try_emplace(round.run, time, time);
    times->second.first = std::min(times->second.first, time);
    times->second.second = std::max(times->second.second, time);
    return *this;
  }

  Submission submission_;
  v1::Waste waste_ = v1::WASTE_UNSPECIFIED;
};

/// The store and a query over it. Batches are numbered as they come.
class Federation {
 public:
  Federation() : clock_(kStart + absl::Minutes(1)) {
    query_ = FootprintQuery::Create(&store_, &clock_, "", "").value();
  }

  void Add(const Facts& facts) {
    Submission submission = facts.submission();
    submission.id.sequence = ++sequences_[{submission.id.node, submission.id.epoch}];
    const auto appended = store_.Append({submission}).value();
    if (appended.at(0) != Appended::kAccepted) std::abort();
  }

  FootprintQuery& query() { return *query_; }
  MemoryStore& store() { return store_; }
  ManualClock& clock() { return clock_; }

  v1::RunFootprint Run(const std::string& run = "", const v1::Method& method = {}) {
    v1::GetRunRequest request;
    request.set_run(run);
    *request.mutable_method() = method;
    return query_->GetRun(request).value();
  }
  v1::RoundFootprint Round(uint64_t round) {
    v1::GetRoundRequest request;
    request.set_round(round);
    return query_->GetRound(request).value();
  }

 private:
  MemoryStore store_;
  ManualClock clock_;
  std::unique_ptr<FootprintQuery> query_;
  std::map<std::pair<std::string, uint64_t>, uint64_t> sequences_;
};

}  // namespace fedcarbon::server
