#include "server/query/edges.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
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

/// What one reporter recorded, all hours together.
struct ReporterSum {
  const EdgeReport* reporter;  // any of its reports
  EdgeTotals totals;
  LayerSum transport;
};
using ReporterSums =
    absl::InlinedVector<ReporterSum, 4>;  // two ends, each with an interceptor or a proxy or both

ReporterSums SumReporters(absl::Span<const EdgeReport> reports, const TransportShares& transport) {
  ReporterSums sums;
  for (const EdgeReport& report : reports) {
    if (sums.empty() || sums.back().reporter->Reporter() != report.Reporter()) {
      sums.push_back({&report, EdgeTotals(), LayerSum()});
    }
    ReporterSum& sum = sums.back();
    sum.totals += report.totals;
    if (report.observer != v1::OBSERVER_PROXY) continue;
    const LayerSum& encoded = report.totals.encoded;
    const auto share = transport.Share(report.edge, report.by_sender, report.hour, encoded.bytes);
    if (share.has_value()) sum.transport += {encoded.transfers, *share};
  }
  return sums;
}

/// The largest of the sums that are answered, or that are not, layer by layer.
MeasuredBytes Largest(absl::Span<const ReporterSum> sums, bool answered) {
  MeasuredBytes largest;
  LayerSum message, encoded, transport;
  for (const ReporterSum& sum : sums) {
    if (sum.reporter->answered != answered) continue;
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

EndSums MessagesAtEnd(absl::Span<const ReporterSum> sums, bool by_sender) {
  EndSums end;
  for (const ReporterSum& sum : sums) {
    const LayerSum& message = sum.totals.message;
    if (!sum.reporter->answered || sum.reporter->by_sender != by_sender || message.transfers == 0) continue;
    end.reported = true;
    end.others += std::min(end.largest, message.bytes);
    end.largest = std::max(end.largest, message.bytes);
  }
  return end;
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

EdgeCount CountEdge(absl::Span<const EdgeReport> reports, const TransportShares& transport) {
  const ReporterSums sums = SumReporters(reports, transport);
  const MeasuredBytes answered = Largest(sums, true);
  const MeasuredBytes unanswered = Largest(sums, false);
  const EndSums sender = MessagesAtEnd(sums, true);
  const EndSums receiver = MessagesAtEnd(sums, false);
  const CountedBytes counted = Count(answered);
  EdgeCount count;
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
