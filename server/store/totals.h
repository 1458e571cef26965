// Totals: what batches add up to, as the store keeps them. Derived; `rebuild` recreates them from the
// batches.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"

namespace fedcarbon::server {

/// Hours since the Unix epoch, UTC: totals are kept by the hour so that a price per hour never needs the
/// batches again.
using Hour = int64_t;
inline Hour HourOf(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return seconds / 3600 - (seconds % 3600 < 0 ? 1 : 0);
}

/// Transfers of one direction between two nodes, as one kind of observer saw them.
struct EdgeKey {
  RoundId round;
  std::string from;  // empty: unknown
  std::string to;    // empty: unknown
  bool reported_by_sender = false;
  v1::Observer observer = v1::OBSERVER_UNSPECIFIED;
  bool answered = true;
  v1::Waste waste = v1::WASTE_UNSPECIFIED;  // unspecified: of no category that is known
  Hour hour = 0;
  uint64_t epoch = 0;    // of the reporter; 0 unless `binding` is set
  uint64_t binding = 0;  // awaits a Binding of that epoch; 0: none

  friend bool operator<(const EdgeKey& a, const EdgeKey& b) {
    const auto fields = [](const EdgeKey& key) {
      return std::tie(key.round, key.from, key.to, key.reported_by_sender, key.observer, key.answered,
                      key.waste, key.hour, key.epoch, key.binding);
    };
    return fields(a) < fields(b);
  }
};

/// Adds to a count; at 2^64 - 1 it stays there.
inline void AddCount(uint64_t* count, uint64_t more) {
  *count = *count > UINT64_MAX - more ? UINT64_MAX : *count + more;
}

/// A sum of bytes at one layer, and over how many transfers it is known. A direction without a message is
/// known, with 0 B, at each layer that its observer sees; one with messages only where bytes were reported.
struct LayerSum {
  uint64_t transfers = 0;
  Bytes bytes;

  LayerSum& operator+=(const LayerSum& other) {
    AddCount(&transfers, other.transfers);
    bytes += other.bytes;
    return *this;
  }
};

struct EdgeTotals {
  uint64_t transfers = 0;  // calls and parts that had this direction
  uint64_t requests = 0;   // calls (first parts) of which this is the client's direction
  uint64_t responses = 0;  // calls (first parts) of which this is the server's direction
  uint64_t messages = 0;
  LayerSum message;
  LayerSum encoded;
  LayerSum header;

  EdgeTotals& operator+=(const EdgeTotals& other) {
    AddCount(&transfers, other.transfers);
    AddCount(&requests, other.requests);
    AddCount(&responses, other.responses);
    AddCount(&messages, other.messages);
    message += other.message;
    encoded += other.encoded;
    header += other.header;
    return *this;
  }
};

/// Connections of one direction between two nodes, as a proxy at one end saw them.
struct TransportKey {
  std::string from;  // empty: unknown
  std::string to;    // empty: unknown
  bool reported_by_sender = false;
  Hour hour = 0;

  friend bool operator<(const TransportKey& a, const TransportKey& b) {
    return std::tie(a.from, a.to, a.reported_by_sender, a.hour) <
           std::tie(b.from, b.to, b.reported_by_sender, b.hour);
  }
};

/// What `transport` holds beyond `encoded` is framing, headers and TLS, and connections that could not be
/// read.
struct TransportTotals {
  Bytes transport;  // of connections
  Bytes encoded;    // of transfers, as far as it is known: all that the same proxies saw

  TransportTotals& operator+=(const TransportTotals& other) {
    transport += other.transport;
    encoded += other.encoded;
    return *this;
  }
  friend bool operator==(const TransportTotals& a, const TransportTotals& b) {
    return a.transport == b.transport && a.encoded == b.encoded;
  }
};

struct ComputeKey {
  RoundId round;
  std::string node;
  v1::SpanKind kind = v1::SPAN_KIND_UNSPECIFIED;
  Hour hour = 0;

  friend bool operator<(const ComputeKey& a, const ComputeKey& b) {
    return std::tie(a.round, a.node, a.kind, a.hour) < std::tie(b.round, b.node, b.kind, b.hour);
  }
};

struct ComputeTotals {
  uint64_t spans = 0;
  absl::Duration wall;               // of the spans
  bool wall_is_upper_bound = false;  // at least one of the spans is
  absl::Duration cpu;
  absl::Duration accelerator;

  ComputeTotals& operator+=(const ComputeTotals& other) {
    AddCount(&spans, other.spans);
    wall += other.wall;
    wall_is_upper_bound |= other.wall_is_upper_bound;
    cpu += other.cpu;
    accelerator += other.accelerator;
    return *this;
  }
};

struct OverheadKey {
  std::string node;
  Hour hour = 0;
  friend bool operator<(const OverheadKey& a, const OverheadKey& b) {
    return std::tie(a.node, a.hour) < std::tie(b.node, b.hour);
  }
};

struct OverheadTotals {
  Bytes report;   // sent and received
  Bytes context;  // fedcarbon-bin

  OverheadTotals& operator+=(const OverheadTotals& other) {
    report += other.report;
    context += other.context;
    return *this;
  }
};

/// A Gap with where it was reported.
struct NodeGap {
  std::string node;
  Gap gap;
};

struct NodeBinding {
  uint64_t epoch = 0;
  Binding binding;
};

/// All that one batch changes. A pure function of the batch (server/ingest/extract_totals.h).
struct TotalsDelta {
  std::string node;
  uint64_t epoch = 0;
  bool is_signed = false;
  std::optional<v1::Node> description;  // the last one in the batch
  std::optional<ClockReading> clock;    // the last one in the batch
  std::map<EdgeKey, EdgeTotals> edges;
  std::map<TransportKey, TransportTotals> transport;
  std::map<ComputeKey, ComputeTotals> compute;
  std::map<OverheadKey, OverheadTotals> overhead;
  std::vector<RunEvent> run_events;
  std::vector<RoundEvent> round_events;
  std::vector<NodeBinding> bindings;
  std::vector<Gap> gaps;
  std::map<std::string, std::pair<absl::Time, absl::Time>>
      run_times;  // first and last fact of each run it names: of every run in this delta
  std::map<uint64_t, std::pair<absl::Time, absl::Time>>
      awaiting_times;           // the same of each key of this epoch that its edges await a Binding of
  uint64_t unknown_fields = 0;  // facts and fields of a newer minor version: kept in the batch, counted here
};

}  // namespace fedcarbon::server
