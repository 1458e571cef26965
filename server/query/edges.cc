#include "server/query/edges.h"

#include <algorithm>

#include "fedcarbon/carbon/framing.h"

namespace fedcarbon::server {
namespace {

void RaiseTo(const LayerSum& other, LayerSum* sum) {
  if (other.bytes > sum->bytes) {
    *sum = other;
  } else if (other.bytes == sum->bytes) {
    sum->transfers = std::max(sum->transfers, other.transfers);
  }
}

/// The largest of `reports` that are answered, or that are not, layer by layer.
EdgeTotals Largest(absl::Span<const EdgeReport> reports, bool answered) {
  EdgeTotals largest;
  for (const EdgeReport& report : reports) {
    if (report.answered != answered) continue;
    const EdgeTotals& totals = report.totals;
    largest.transfers = std::max(largest.transfers, totals.transfers);
    largest.requests = std::max(largest.requests, totals.requests);
    largest.responses = std::max(largest.responses, totals.responses);
    largest.messages = std::max(largest.messages, totals.messages);
    RaiseTo(totals.message, &largest.message);
    RaiseTo(totals.encoded, &largest.encoded);
    RaiseTo(totals.header, &largest.header);
  }
  return largest;
}

CountedBytes Framed(const EdgeTotals& totals) {
  MeasuredBytes measured;
  measured.transfers = totals.transfers;
  measured.requests = totals.requests;
  measured.responses = totals.responses;
  measured.messages = totals.messages;
  measured.message_known = totals.message.transfers;
  measured.message = totals.message.bytes;
  measured.encoded_known = totals.encoded.transfers;
  measured.encoded = totals.encoded.bytes;
  return Count(measured);
}

/// The greater of what the observers of one end counted, and what the others of that end did.
struct EndSums {
  bool reported = false;
  Bytes largest;
  Bytes others;
};

EndSums MessagesAtEnd(absl::Span<const EdgeReport> reports, bool by_sender) {
  EndSums sums;
  for (const EdgeReport& report : reports) {
    if (!report.answered || report.by_sender != by_sender || report.totals.message.transfers == 0) continue;
    const Bytes bytes = report.totals.message.bytes;
    sums.reported = true;
    sums.others += std::min(sums.largest, bytes);
    sums.largest = std::max(sums.largest, bytes);
  }
  return sums;
}

uint64_t Less(uint64_t whole, uint64_t part) { return whole > part ? whole - part : 0; }

}  // namespace

EdgeCount& EdgeCount::operator+=(const EdgeCount& other) {
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
  return *this;
}

EdgeCount CountEdge(absl::Span<const EdgeReport> reports) {
  const EdgeTotals answered = Largest(reports, true);
  const EdgeTotals unanswered = Largest(reports, false);
  const EndSums sender = MessagesAtEnd(reports, true);
  const EndSums receiver = MessagesAtEnd(reports, false);
  const CountedBytes framed = Framed(answered);
  EdgeCount count;
  count.calls = answered.transfers;
  count.messages = answered.messages;
  count.message = answered.message.bytes;
  count.counted = framed.bytes;
  count.unconfirmed = Framed(unanswered).bytes;
  count.unconfirmed_message = unanswered.message.bytes;
  count.cross_check = sender.others + receiver.others;
  if (sender.reported && receiver.reported) {
    count.disagreement =
        std::max(sender.largest, receiver.largest) - std::min(sender.largest, receiver.largest);
  }
  count.layer = framed.layer;
  count.modelled = framed.modelled;
  count.at_least = framed.at_least;
  return count;
}

EdgeCount Unattributed(const EdgeCount& whole, const EdgeCount& rounds) {
  EdgeCount rest;
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
  return rest;
}

std::vector<EdgeReport> MergeReports(std::vector<EdgeReport> reports) {
  std::sort(reports.begin(), reports.end(),
            [](const EdgeReport& a, const EdgeReport& b) { return a.Key() < b.Key(); });
  std::vector<EdgeReport> merged;
  for (const EdgeReport& report : reports) {
    if (!merged.empty() && merged.back().Key() == report.Key()) {
      merged.back().totals += report.totals;
    } else {
      merged.push_back(report);
    }
  }
  return merged;
}

}  // namespace fedcarbon::server
