#include "tests/web/made_up_federation.h"

#include <cstdlib>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fedcarbon::server {
namespace {

constexpr absl::Duration kRoundTime = absl::Seconds(12);

struct Place {
  const char* name;
  const char* country;
};
constexpr Place kPlaces[] = {
    {"cleveland.example", "USA"}, {"longbeach.example", "USA"}, {"budapest.example", "HUN"}};

struct Ends {
  std::string from;
  std::string to;
};

// One call's message from one end to the other, as one of them reports it.
void Transferred(const EdgeKey& of, const Ends& ends, Bytes bytes, bool by_sender,
                 std::map<EdgeKey, EdgeTotals>* edges) {
  EdgeKey key = of;
  key.from = ends.from;
  key.to = ends.to;
  key.reported_by_sender = by_sender;
  key.observer = v1::OBSERVER_INTERCEPTOR;
  EdgeTotals& totals = (*edges)[key];
  totals.transfers = totals.messages = 1;
  (ends.to == MadeUpFederation::kAggregator ? totals.requests : totals.responses) = 1;
  totals.message = {1, bytes};
}

}  // namespace

MadeUpFederation::MadeUpFederation(uint64_t rounds, uint64_t hospitals, const std::string& run_name,
                                   const std::string& last_hospital)
    : start_(absl::FromUnixSeconds(1'795'460'400)), clock_(start_) {
  for (uint64_t i = 0; i < hospitals; ++i) {
    const bool known = i < std::size(kPlaces);
    const bool last = i + 1 == hospitals;
    hospitals_.push_back(last    ? last_hospital
                         : known ? kPlaces[i].name
                                 : absl::StrCat("hospital-", i, ".example"));
    Describe(hospitals_.back(), last ? "CHE" : known ? kPlaces[i].country : "FRA", v1::LINK_KIND_FIXED);
  }
  Describe(kAggregator, "DEU", v1::LINK_KIND_DATACENTRE);
  if (rounds > 0) Open(run_name);
  while (round_ < rounds) AddRound();
}

void MadeUpFederation::AddRound() {
  const absl::Time begin = start_ + kRoundTime * round_;
  const absl::Time end = begin + kRoundTime * 0.9;
  EdgeKey edge;
  edge.round = {kRun, round_};
  edge.hour = HourOf(begin);
  TotalsDelta aggregator = Delta(kAggregator, begin);
  aggregator.round_events = {{kRun, round_, begin, v1::OUTCOME_UNSPECIFIED},
                             {kRun, round_, end, v1::OUTCOME_COMPLETED}};
  aggregator.compute[{edge.round, kAggregator, v1::SPAN_KIND_AGGREGATE, edge.hour}] = {
      1, absl::Milliseconds(400), false, absl::Milliseconds(350), absl::ZeroDuration()};
  for (size_t i = 0; i < hospitals_.size(); ++i) {
    const std::string& hospital = hospitals_[i];
    TotalsDelta delta = Delta(hospital, begin);
    const absl::Duration busy = absl::Milliseconds(2'500 + 400 * (i % 8) + 90 * (round_ * 7 % 11));
    const bool is_found = i == 1 && round_ >= 2;  // on the wire
    delta.compute[{edge.round, hospital, v1::SPAN_KIND_TRAIN, edge.hour}] = {
        1, busy, is_found, is_found ? absl::ZeroDuration() : busy, absl::ZeroDuration()};
    const uint64_t model = 1'048'576 + 1'000 * i;
    const uint64_t arrived = i == 0 ? model - 5'120 : model;  // the ends of one edge disagree
    const Ends down = {kAggregator, hospital};
    const Ends up = {hospital, kAggregator};
    if (i == 0 && round_ >= 2) {
      EdgeKey heartbeat;
      heartbeat.hour = edge.hour;
      heartbeat.waste = v1::WASTE_HEARTBEAT;
      Transferred(heartbeat, up, Bytes(40), true, &delta.edges);
    }
    EdgeKey call = edge;
    if (i == 0 && round_ >= 2) call.waste = static_cast<v1::Waste>(1 + round_ % (v1::Waste_ARRAYSIZE - 1));
    Transferred(call, down, Bytes(model), true, &aggregator.edges);
    Transferred(call, down, Bytes(model), false, &delta.edges);
    Transferred(call, up, Bytes(model), true, &delta.edges);
    Transferred(call, up, Bytes(arrived), false, &aggregator.edges);
    Append(hospital, delta);
  }
  Append(kAggregator, aggregator);
  ++round_;
}

TotalsDelta MadeUpFederation::Delta(const std::string& node, absl::Time begin) const {
  TotalsDelta delta;
  delta.node = node;
  delta.epoch = 1;
  delta.run_times[kRun] = {begin, begin + kRoundTime * 0.9};
  return delta;
}

void MadeUpFederation::Describe(const std::string& node, const std::string& country, v1::LinkKind link) {
  TotalsDelta delta;
  delta.node = node;
  delta.epoch = 1;
  delta.description.emplace();
  delta.description->set_country(country);
  delta.description->set_link(link);
  delta.description->set_cpu_cores(8);
  delta.description->set_cpu_tdp_watts(65);
  Append(node, delta);
}

// The run starts, with what belongs to no round, was not confirmed, or could not be metered.
void MadeUpFederation::Open(const std::string& name) {
  const std::string& hospital = hospitals_.front();
  EdgeKey edge;
  edge.hour = HourOf(start_);
  TotalsDelta delta = Delta(kAggregator, start_);
  delta.run_events = {{kRun, start_, v1::OUTCOME_UNSPECIFIED, name, 50}};
  delta.overhead[{kAggregator, edge.hour}] = {Bytes(123'456), Bytes(7'890)};
  edge.round = {kRun, std::nullopt};
  Transferred(edge, {hospital, kAggregator}, Bytes(2'048), false, &delta.edges);
  edge.round = {kRun, 0};
  edge.answered = false;
  Transferred(edge, {kAggregator, hospital}, Bytes(102'400), true, &delta.edges);
  Append(kAggregator, delta);
  TotalsDelta with_gap = Delta(hospital, start_);
  with_gap.gaps = {{v1::Gap::REASON_QUEUE_FULL, start_ + absl::Seconds(5), start_ + absl::Seconds(9), 312,
                    Bytes(0), "the coordinator was away"}};
  Append(hospital, with_gap);
}

void MadeUpFederation::Append(const std::string& node, const TotalsDelta& delta) {
  for (const auto& [run, times] : delta.run_times) {
    if (times.second > clock_.Now()) clock_.StepWall(times.second - clock_.Now());
  }
  const std::vector<Submission> group = {{{node, 1, ++sequences_[node]}, clock_.Now(), "made up", delta}};
  const auto appended = store_.Append(group);
  if (!appended.ok() || appended->front() != Appended::kAccepted) std::abort();
}

}  // namespace fedcarbon::server
