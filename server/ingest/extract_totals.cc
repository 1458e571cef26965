#include "server/ingest/extract_totals.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/report/fact_lists.h"
#include "fedcarbon/status/check.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

absl::Duration Micros(uint64_t count) { return absl::Microseconds(static_cast<int64_t>(count)); }

template <typename Column>
uint64_t At(const Column& column, int row) {
  return column.empty() ? 0 : column.Get(row);
}

// A direction that carried nothing has 0 bytes of each layer that its observer sees.
template <typename Column>
void AddLayer(const Column& column, int row, bool seen, bool nothing, LayerSum* sum) {
  if (!column.empty()) {
    *sum += {1, Bytes(column.Get(row))};
  } else if (seen && nothing) {
    *sum += {1, Bytes(0)};
  }
}

template <typename Column>
void AddHeaders(const Column& column, int row, LayerSum* sum) {
  if (!column.empty()) *sum += {1, Bytes(column.Get(row))};
}

// Of which category of waste a transfer is: the first that holds of what its observer said, that it failed,
// and that it is a further attempt (proto/fedcarbon/v1/README.md, "Waste").
v1::Waste WasteOf(const v1::Transfers& group, int row) {
  if (group.waste() != v1::WASTE_UNSPECIFIED && v1::Waste_IsValid(group.waste())) return group.waste();
  constexpr uint64_t kOk = 1;  // gRPC's status code + 1
  if (At(group.status(), row) > kOk) return v1::WASTE_FAILED;
  return At(group.attempt(), row) > 0 ? v1::WASTE_RETRY : v1::WASTE_UNSPECIFIED;
}

class TotalsExtractor {
 public:
  explicit TotalsExtractor(const OpenedBatch& opened) : opened_(opened), batch_(opened.batch) {
    delta_.node = batch_.node();
    delta_.epoch = batch_.epoch();
    delta_.is_signed = opened.is_signed;
    delta_.unknown_fields = CountUnknownFields(batch_);
  }

  TotalsDelta Run() {
    for (const v1::Transfers& group : batch_.transfers()) AddTransfers(group);
    CheckTransfers();
    AddTransport();
    for (const v1::Span& span : batch_.spans()) AddSpan(span);
    for (const v1::Usage& usage : batch_.usages()) AddUsage(usage);
    for (const v1::Energy& energy : batch_.energies()) {
      Seen(energy.run(), energy.start_us(), energy.wall_us());
    }
    AddEvents();
    AddOthers();
    return std::move(delta_);
  }

 private:
  template <typename Message>
  RoundId RoundOf(const Message& fact) const {
    RoundId round{opened_.text(fact.run()), std::nullopt};
    if (!round.run.empty() && fact.has_round()) round.round = fact.round();
    return round;
  }

  // A fact of a run, from its start for its duration.
  void Seen(uint32_t run, int64_t start_us, uint64_t duration_us) {
    if (run == 0) return;
    Extend(opened_.text(run), start_us, duration_us, &delta_.run_times);
  }

  template <typename Key>
  void Extend(const Key& key, int64_t start_us, uint64_t duration_us,
              std::map<Key, std::pair<absl::Time, absl::Time>>* times) const {
    const absl::Time first = opened_.time(start_us);
    const absl::Time last = first + Micros(duration_us);
    auto [entry, is_new] = times->try_emplace(key, first, last);
    if (is_new) return;
    entry->second.first = std::min(entry->second.first, first);
    entry->second.second = std::max(entry->second.second, last);
  }

  void AddTransfers(const v1::Transfers& group) {
    EdgeKey sent;
    sent.round = RoundOf(group);
    sent.from = batch_.node();
    sent.to = opened_.text(group.peer());
    sent.reported_by_sender = true;
    sent.observer = group.observer();
    sent.answered = !group.unanswered();
    EdgeKey received = sent;
    std::swap(received.from, received.to);
    received.reported_by_sender = false;

    // An observer sees its own layer, and what the other direction of its calls shows: a proxy
    // sees message bytes too where nothing is compressed.
    const bool sees_messages = group.observer() == v1::OBSERVER_INTERCEPTOR ||
                               !group.sent_message_bytes().empty() || !group.received_message_bytes().empty();
    const bool sees_encoded = group.observer() == v1::OBSERVER_PROXY || !group.sent_encoded_bytes().empty() ||
                              !group.received_encoded_bytes().empty();

    // A part may hold some of a message that it does not count.
    const bool sent_some = !group.sent_message_bytes().empty() || !group.sent_encoded_bytes().empty();
    const bool received_some =
        !group.received_message_bytes().empty() || !group.received_encoded_bytes().empty();

    // Rows of a group nearly always share their hour, binding and waste: look their totals up when these
    // change.
    EdgeTotals* sent_totals = nullptr;
    EdgeTotals* received_totals = nullptr;
    for (int row = 0; row < group.call_id_size(); ++row) {
      const Hour hour = HourOf(opened_.time(group.start_us(row)));
      const uint64_t binding = sent.round.known() ? 0 : At(group.binding(), row);
      const v1::Waste waste = WasteOf(group, row);
      if (sent_totals == nullptr || hour != sent.hour || binding != sent.binding || waste != sent.waste) {
        sent.hour = received.hour = hour;
        sent.waste = received.waste = waste;
        sent.binding = received.binding = binding;
        sent.epoch = received.epoch = binding == 0 ? 0 : batch_.epoch();
        sent_totals = &delta_.edges[sent];
        received_totals = &delta_.edges[received];
      }
      const bool first_part = At(group.part(), row) == 0;
      AddCall(group.end(), first_part, sent_totals, received_totals);
      const uint64_t sent_messages = At(group.sent_messages(), row);
      AddCount(&sent_totals->messages, sent_messages);
      const bool sent_nothing = sent_messages == 0 && !sent_some;
      AddLayer(group.sent_message_bytes(), row, sees_messages, sent_nothing, &sent_totals->message);
      AddLayer(group.sent_encoded_bytes(), row, sees_encoded, sent_nothing, &sent_totals->encoded);
      AddHeaders(group.sent_header_bytes(), row, &sent_totals->header);
      const uint64_t received_messages = At(group.received_messages(), row);
      AddCount(&received_totals->messages, received_messages);
      const bool received_nothing = received_messages == 0 && !received_some;
      AddLayer(group.received_message_bytes(), row, sees_messages, received_nothing,
               &received_totals->message);
      AddLayer(group.received_encoded_bytes(), row, sees_encoded, received_nothing,
               &received_totals->encoded);
      AddHeaders(group.received_header_bytes(), row, &received_totals->header);
      const uint64_t duration_us = At(group.duration_us(), row);
      Seen(group.run(), group.start_us(row), duration_us);
      if (binding != 0) Extend(binding, group.start_us(row), duration_us, &delta_.awaiting_times);
    }
  }

  // Each transfer is in two directions, and in no third.
  void CheckTransfers() const {
    uint64_t booked = 0;
    for (const auto& [edge, totals] : delta_.edges) booked += totals.transfers;
    uint64_t recorded = 0;
    for (const v1::Transfers& group : batch_.transfers())
      recorded += static_cast<uint64_t>(group.call_id_size());
    FEDCARBON_CHECK(booked == 2 * recorded);
  }

  static void AddCall(v1::End end, bool first_part, EdgeTotals* sent, EdgeTotals* received) {
    ++sent->transfers;
    ++received->transfers;
    if (!first_part) return;
    if (end == v1::END_CLIENT) {
      ++sent->requests;
      ++received->responses;
    } else if (end == v1::END_SERVER) {
      ++sent->responses;
      ++received->requests;
    }
  }

  // Of connections what they carried, and of the proxies' calls what is known to have travelled in them.
  void AddTransport() {
    for (const v1::Connection& connection : batch_.connections()) {
      const std::string& peer = opened_.text(connection.peer());
      const Hour hour = HourOf(opened_.time(connection.start_us()));
      AddTransport({batch_.node(), peer, true, hour}, {Bytes(connection.sent_transport_bytes()), Bytes(0)});
      AddTransport({peer, batch_.node(), false, hour},
                   {Bytes(connection.received_transport_bytes()), Bytes(0)});
    }
    for (const auto& [edge, totals] : delta_.edges) {
      if (edge.observer != v1::OBSERVER_PROXY) continue;
      AddTransport({edge.from, edge.to, edge.reported_by_sender, edge.hour},
                   {Bytes(0), totals.encoded.bytes});
    }
  }

  void AddTransport(const TransportKey& key, const TransportTotals& totals) {
    if (totals.transport > Bytes(0) || totals.encoded > Bytes(0)) delta_.transport[key] += totals;
  }

  void AddSpan(const v1::Span& span) {
    ComputeTotals& totals =
        delta_.compute[{RoundOf(span), batch_.node(), span.kind(), HourOf(opened_.time(span.start_us()))}];
    ++totals.spans;
    totals.wall += Micros(span.wall_us());
    totals.wall_is_upper_bound |= span.is_upper_bound();
    Seen(span.run(), span.start_us(), span.wall_us());
  }

  void AddUsage(const v1::Usage& usage) {
    ComputeTotals& totals =
        delta_.compute[{RoundOf(usage), batch_.node(), usage.kind(), HourOf(opened_.time(usage.start_us()))}];
    totals.cpu += Micros(usage.cpu_us());
    totals.accelerator += Micros(usage.accelerator_us());
    Seen(usage.run(), usage.start_us(), usage.wall_us());
  }

  void AddEvents() {
    for (const v1::RunEvent& event : batch_.run_events()) {
      if (event.run() == 0) continue;
      delta_.run_events.push_back({opened_.text(event.run()), opened_.time(event.time_us()), event.outcome(),
                                   event.name(), event.planned_rounds()});
      Seen(event.run(), event.time_us(), 0);
    }
    for (const v1::RoundEvent& event : batch_.round_events()) {
      if (event.run() == 0) continue;
      delta_.round_events.push_back(
          {opened_.text(event.run()), event.round(), opened_.time(event.time_us()), event.outcome()});
      Seen(event.run(), event.time_us(), 0);
    }
    for (const v1::Binding& binding : batch_.bindings()) {
      if (binding.key() == 0) continue;
      delta_.bindings.push_back({batch_.epoch(), {binding.key(), RoundOf(binding)}});
      Seen(binding.run(), 0, 0);
    }
  }

  void AddOthers() {
    if (!batch_.nodes().empty()) delta_.description = *batch_.nodes().rbegin();
    if (!batch_.clocks().empty()) {
      const v1::ClockReading& clock = *batch_.clocks().rbegin();
      delta_.clock = ClockReading{opened_.time(clock.time_us()), absl::Microseconds(clock.offset_us()),
                                  Micros(clock.round_trip_us())};
    }
    for (const v1::Gap& gap : batch_.gaps()) {
      delta_.gaps.push_back({gap.reason(), opened_.time(gap.from_us()), opened_.time(gap.to_us()),
                             gap.facts(), Bytes(gap.bytes()), gap.detail()});
    }
    for (const v1::Overhead& overhead : batch_.overheads()) {
      delta_.overhead[{batch_.node(), HourOf(opened_.time(overhead.start_us()))}] +=
          {Bytes(overhead.report_sent_bytes()) + Bytes(overhead.report_received_bytes()),
           Bytes(overhead.context_bytes())};
    }
  }

  const OpenedBatch& opened_;
  const v1::Batch& batch_;
  TotalsDelta delta_;
};

// Kinds of facts without a round are told by having none.
template <typename Message>
auto RoundIfAny(const Message& fact, int) -> decltype(fact.round()) {
  return fact.round();
}
template <typename Message>
uint64_t RoundIfAny(const Message&, ...) {
  return 0;
}

absl::Status CheckRounds(const v1::Batch& batch) {
  absl::Status status;
  ForEachFactList([&](const auto& list) {
    const auto& facts = (batch.*list.get)();
    for (int i = 0; i < facts.size() && status.ok(); ++i) {
      if (RoundIfAny(facts.Get(i), 0) <= kMaxStored) continue;
      status = absl::InvalidArgumentError(
          absl::StrCat("batch: ", list.name, "[", i, "].round is above 2^63 - 1, the greatest round"));
    }
  });
  return status;
}

}  // namespace

absl::StatusOr<TotalsDelta> ExtractTotals(const OpenedBatch& batch) {
  if (batch.batch.sequence() > kMaxStored) {
    return absl::InvalidArgumentError("batch: sequence is above 2^63 - 1, the greatest sequence");
  }
  RETURN_IF_ERROR(CheckRounds(batch.batch));
  return TotalsExtractor(batch).Run();
}

absl::StatusOr<TotalsDelta> ExtractStoredTotals(const StoredBatch& batch) {
  ASSIGN_OR_RETURN(const OpenedBatch opened, OpenSealedBatch(batch.sealed));
  return ExtractTotals(opened);
}

}  // namespace fedcarbon::server
