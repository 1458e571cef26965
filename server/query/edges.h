// Double entry: both ends of an edge report what they saw of it, and this counts it once (README.md,
// "Counting").
//
// Of an edge in a scope (a round, or all of a run) the largest of its observers' sums of answered calls
// counts, layer by layer. Bytes of unanswered calls stand apart as unconfirmed. What the whole edge holds
// beyond its rounds is unattributed. Waste is a breakdown of what counts: it never changes it.
//
// Pure functions and value types.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/types/span.h"
#include "fedcarbon/units/units.h"
#include "fedcarbon/v1/footprint.pb.h"
#include "server/query/transport_shares.h"
#include "server/store/totals.h"

namespace fedcarbon::server {

/// What one kind of observer recorded of an edge in a scope, all observers of the kind together.
struct EdgeObservation {
  uint32_t edge = 0;  // whichever numbering the caller keeps
  bool by_sender = false;
  v1::Observer observer = v1::OBSERVER_UNSPECIFIED;
  bool answered = true;
  Hour hour = 0;  // of a proxy, whose connections are known by the hour; of others 0: all hours
  v1::Waste waste = v1::WASTE_UNSPECIFIED;
  EdgeTotals totals;

  /// Which observer of which edge this is a sum of.
  auto ObserverKey() const { return std::tie(edge, by_sender, observer, answered); }
  /// And of which hour and category.
  auto Key() const { return std::tie(edge, by_sender, observer, answered, hour, waste); }
};

/// What of an edge is of one category of waste.
struct WasteCount {
  uint64_t calls = 0;  // by their first part: later parts are none
  uint64_t messages = 0;
  Bytes counted;  // part of CountedEdge.counted

  bool empty() const { return calls == 0 && messages == 0 && counted == Bytes(0); }
  WasteCount& operator+=(const WasteCount& other);
};

/// By category; there is nothing at WASTE_UNSPECIFIED.
using WasteCounts = std::array<WasteCount, v1::Waste_ARRAYSIZE>;

/// Bytes of one direction between two nodes, each counted once. Counts of several scopes add up.
struct CountedEdge {
  uint64_t calls = 0;  // and parts of long ones
  uint64_t messages = 0;
  Bytes message;              // serialized, before compression
  Bytes counted;              // at the transport, measured or modelled by framing.grpc/1: what is priced
  Bytes unconfirmed;          // the same of calls that the peer never answered: in `high` alone
  Bytes unconfirmed_message;  // message bytes of those
  Bytes cross_check;          // message bytes that second observers of an end reported: never added
  std::optional<Bytes> disagreement;  // of message bytes, between both ends' sums; absent: one end reported
  v1::Layer layer = v1::LAYER_UNSPECIFIED;  // that `counted` was measured at; of several the innermost
  bool modelled = false;                    // `counted` holds modelled framing
  bool at_least = false;                    // of some transfers no size is known
  WasteCounts waste = {};                   // together at most `counted`

  CountedEdge& operator+=(const CountedEdge& other);
};

/// Counts one edge in one scope. `observations` are of that edge alone, each Key() once, ordered by it. Its
/// waste is what the observer knows whose sum was counted: of several with the same sum, the one that knows
/// of most.
CountedEdge CountEdge(absl::Span<const EdgeObservation> observations, const TransportShares& transport);

/// What `whole`, counted over all of an edge's scopes together, holds beyond `rounds`, the sum of its rounds;
/// never below 0. Of waste no more than is counted.
CountedEdge Unattributed(const CountedEdge& whole, const CountedEdge& rounds);

/// Sums the observations of each Key(). Ordered by it.
std::vector<EdgeObservation> MergeObservations(std::vector<EdgeObservation> observations);

}  // namespace fedcarbon::server
