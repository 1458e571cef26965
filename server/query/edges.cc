#include "server/query/edges.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "fedcarbon/carbon/framing.h"
#include "fedcarbon/status/check.h"

namespace fedcarbon::server {
namespace {

void RaiseTo(const LayerSum& other, LayerSum* sum) {
  if (other.bytes > sum->bytes) {
    *sum = other;
  } else if (other.bytes == sum->bytes) {
    sum->transfers = std::max(sum->transfers, other.transfers);
  }
}

/// What one observer recorded, all hours together.
struct ObserverSum {
  absl::Span<const EdgeObservation> observations;
  EdgeTotals totals;
  LayerSum transport;

  bool answered() const { return observations[0].answered; }
};
using ObserverSums =
    absl::InlinedVector<ObserverSum, 4>;  // two ends, each with an interceptor or a proxy or both

/// The first observations, as far as they are the same in what `of` takes of them.
template <typename Of>
absl::Span<const EdgeObservation> Leading(absl::Span<const EdgeObservation> observations, const Of& of) {
  const auto end = std::find_if(
      observations.begin(), observations.end(),
      [&](const EdgeObservation& observation) { return of(observation) != of(observations[0]); });
  return observations.first(end - observations.begin());
}

/// What `encoded` bytes of the observer and hour of `observation` took at the transport.
LayerSum Share(const EdgeObservation& observation, const LayerSum& encoded,
               const TransportShares& transport) {
  if (observation.observer != v1::OBSERVER_PROXY) return {};
  const auto share =
      transport.Share(observation.edge, observation.by_sender, observation.hour, encoded.bytes);
  return share.has_value() ? LayerSum{encoded.transfers, *share} : LayerSum();
}

/// What an observer's bytes took at the transport. Categories of waste share together: each by itself,
/// rounded down, would come to less.
LayerSum ShareOfAll(absl::Span<const EdgeObservation> observations, const TransportShares& transport) {
  LayerSum sum;
  if (observations[0].observer != v1::OBSERVER_PROXY) return sum;
  while (!observations.empty()) {
    const auto of_hour =
        Leading(observations, [](const EdgeObservation& observation) { return observation.hour; });
    LayerSum encoded;
    for (const EdgeObservation& observation : of_hour) encoded += observation.totals.encoded;
    sum += Share(of_hour[0], encoded, transport);
    observations.remove_prefix(of_hour.size());
  }
  return sum;
}

ObserverSums SumObservers(absl::Span<const EdgeObservation> observations, const TransportShares& transport) {
  ObserverSums sums;
  while (!observations.empty()) {
    ObserverSum sum;
    sum.observations =
        Leading(observations, [](const EdgeObservation& observation) { return observation.ObserverKey(); });
    for (const EdgeObservation& observation : sum.observations) sum.totals += observation.totals;
    sum.transport = ShareOfAll(sum.observations, transport);
    observations.remove_prefix(sum.observations.size());
    sums.push_back(sum);
  }
  return sums;
}

MeasuredBytes Measured(const EdgeTotals& totals, const LayerSum& transport) {
  return {totals.transfers,         totals.requests,      totals.responses,         totals.messages,
          totals.message.transfers, totals.message.bytes, totals.encoded.transfers, totals.encoded.bytes,
          transport.transfers,      transport.bytes};
}

/// The largest of the sums that are answered, or that are not, layer by layer.
MeasuredBytes Largest(absl::Span<const ObserverSum> sums, bool answered) {
  MeasuredBytes largest;
  LayerSum message, encoded, transport;
  for (const ObserverSum& sum : sums) {
    if (sum.answered() != answered) continue;
    const EdgeTotals& totals = sum.totals;
    largest.transfers = std::max(largest.transfers, totals.transfers);
    largest.requests = std::max(largest.requests, totals.requests);
    largest.responses = std::max(largest.responses, totals.responses);
    largest.messages = std::max(largest.messages, totals.messages);
    RaiseTo(totals.message, &message);
    RaiseTo(totals.encoded, &encoded);
    RaiseTo(sum.transport, &transport);
  }
  largest.message_known = message.transfers;
  largest.message = message.bytes;
  largest.encoded_known = encoded.transfers;
  largest.encoded = encoded.bytes;
  largest.transport_known = transport.transfers;
  largest.transport = transport.bytes;
  return largest;
}

/// The greater of what the observers of one end counted, and what the others of that end did.
struct EndSums {
  bool reported = false;
  Bytes largest;
  Bytes others;
};

EndSums MessagesAtEnd(absl::Span<const ObserverSum> sums, bool by_sender) {
  EndSums end;
  for (const ObserverSum& sum : sums) {
    const LayerSum& message = sum.totals.message;
    if (!sum.answered() || sum.observations[0].by_sender != by_sender || message.transfers == 0) continue;
    end.reported = true;
    end.others += std::min(end.largest, message.bytes);
    end.largest = std::max(end.largest, message.bytes);
  }
  return end;
}

Bytes BytesAt(v1::Layer layer, const ObserverSum& sum) {
  switch (layer) {
    case v1::LAYER_MESSAGE:
      return sum.totals.message.bytes;
    case v1::LAYER_ENCODED:
      return sum.totals.encoded.bytes;
    case v1::LAYER_TRANSPORT:
      return sum.transport.bytes;
    default:
      return Bytes(0);
  }
}

WasteCounts WasteKnownTo(const ObserverSum& sum, v1::Layer layer, const TransportShares& transport) {
  WasteCounts waste = {};
  for (const EdgeObservation& observation : sum.observations) {
    if (observation.waste == v1::WASTE_UNSPECIFIED) continue;
    const EdgeTotals& totals = observation.totals;
    const Bytes counted = AtTransport(Measured(totals, Share(observation, totals.encoded, transport)), layer);
    waste[observation.waste] += {totals.requests, totals.messages, counted};
  }
  return waste;
}

Bytes SumOf(const WasteCounts& waste) {
  Bytes sum;
  for (const WasteCount& count : waste) sum += count.counted;
  return sum;
}

/// Of the answered sums that are the largest at the counted layer, the waste of the one that knows of most.
WasteCounts WasteOf(const ObserverSums& sums, v1::Layer layer, const TransportShares& transport) {
  Bytes largest;
  for (const ObserverSum& sum : sums) {
    if (sum.answered()) largest = std::max(largest, BytesAt(layer, sum));
  }
  WasteCounts most = {};
  Bytes most_bytes;
  for (const ObserverSum& sum : sums) {
    if (!sum.answered() || BytesAt(layer, sum) != largest) continue;
    const WasteCounts known = WasteKnownTo(sum, layer, transport);
    const Bytes bytes = SumOf(known);
    if (bytes <= most_bytes) continue;
    most = known;
    most_bytes = bytes;
  }
  return most;
}

uint64_t Less(uint64_t whole, uint64_t part) { return whole > part ? whole - part : 0; }

}  // namespace

WasteCount& WasteCount::operator+=(const WasteCount& other) {
  AddCount(&calls, other.calls);
  AddCount(&messages, other.messages);
  counted += other.counted;
  return *this;
}

CountedEdge& CountedEdge::operator+=(const CountedEdge& other) {
  calls += other.calls;
  messages += other.messages;
  message += other.message;
  counted += other.counted;
  unconfirmed += other.unconfirmed;
  unconfirmed_message += other.unconfirmed_message;
  cross_check += other.cross_check;
  if (other.disagreement) disagreement = disagreement.value_or(Bytes(0)) + *other.disagreement;
  if (layer == v1::LAYER_UNSPECIFIED) {
    layer = other.layer;
  } else if (other.layer != v1::LAYER_UNSPECIFIED) {
    layer = std::min(layer, other.layer);
  }
  modelled |= other.modelled;
  at_least |= other.at_least;
  for (size_t category = 0; category < waste.size(); ++category) waste[category] += other.waste[category];
  return *this;
}

CountedEdge CountEdge(absl::Span<const EdgeObservation> observations, const TransportShares& transport) {
  const ObserverSums sums = SumObservers(observations, transport);
  const MeasuredBytes answered = Largest(sums, true);
  const MeasuredBytes unanswered = Largest(sums, false);
  const EndSums sender = MessagesAtEnd(sums, true);
  const EndSums receiver = MessagesAtEnd(sums, false);
  const CountedBytes counted = Count(answered);
  CountedEdge count;
  count.calls = answered.transfers;
  count.messages = answered.messages;
  count.message = answered.message;
  count.counted = counted.bytes;
  count.unconfirmed = Count(unanswered).bytes;
  count.unconfirmed_message = unanswered.message;
  count.cross_check = sender.others + receiver.others;
  if (sender.reported && receiver.reported) {
    count.disagreement =
        std::max(sender.largest, receiver.largest) - std::min(sender.largest, receiver.largest);
  }
  count.layer = counted.layer;
  count.modelled = counted.modelled;
  count.at_least = counted.at_least;
  const bool has_waste = std::any_of(
      observations.begin(), observations.end(),
      [](const EdgeObservation& observation) { return observation.waste != v1::WASTE_UNSPECIFIED; });
  if (has_waste) {
    count.waste = WasteOf(sums, counted.layer, transport);
    FEDCARBON_CHECK(SumOf(count.waste) <= count.counted);
  }
  return count;
}

CountedEdge Unattributed(const CountedEdge& whole, const CountedEdge& rounds) {
  CountedEdge rest;
  rest.calls = Less(whole.calls, rounds.calls);
  rest.messages = Less(whole.messages, rounds.messages);
  rest.message = whole.message - rounds.message;
  rest.counted = whole.counted - rounds.counted;
  rest.unconfirmed = whole.unconfirmed - rounds.unconfirmed;
  rest.unconfirmed_message = whole.unconfirmed_message - rounds.unconfirmed_message;
  rest.cross_check = whole.cross_check - rounds.cross_check;
  rest.layer = whole.layer;
  rest.modelled = whole.modelled;
  rest.at_least = whole.at_least && !rounds.at_least;
  Bytes room = rest.counted;
  for (size_t category = 0; category < rest.waste.size(); ++category) {
    const WasteCount& of_whole = whole.waste[category];
    const WasteCount& of_rounds = rounds.waste[category];
    const Bytes counted = std::min(of_whole.counted - of_rounds.counted, room);
    if (counted == Bytes(0)) continue;
    rest.waste[category] = {Less(of_whole.calls, of_rounds.calls),
                            Less(of_whole.messages, of_rounds.messages), counted};
    room = room - counted;
  }
  return rest;
}

std::vector<EdgeObservation> MergeObservations(std::vector<EdgeObservation> observations) {
  std::sort(observations.begin(), observations.end(),
            [](const EdgeObservation& a, const EdgeObservation& b) { return a.Key() < b.Key(); });
  std::vector<EdgeObservation> merged;
  for (const EdgeObservation& observation : observations) {
    if (!merged.empty() && merged.back().Key() == observation.Key()) {
      merged.back().totals += observation.totals;
    } else {
      merged.push_back(observation);
    }
  }
  return merged;
}

}  // namespace fedcarbon::server
