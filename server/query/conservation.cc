#include "server/query/conservation.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/status/status.h"
#include "server/query/counted_run.h"

namespace fedcarbon::server {
namespace {

/// From, to, reported by the sender, observer, answered.
using ObserverKey = std::tuple<std::string, std::string, bool, v1::Observer, bool>;

/// Who reports the connections of an edge.
ObserverKey Proxy(const std::string& from, const std::string& to, bool by_sender) {
  return {from, to, by_sender, v1::OBSERVER_PROXY, true};
}

struct Amounts {
  uint64_t messages = 0;
  Bytes message;
  Bytes encoded;
  Bytes transport;

  void Add(uint64_t more_messages, Bytes more_message, Bytes more_encoded) {
    AddCount(&messages, more_messages);
    message += more_message;
    encoded += more_encoded;
  }
  friend bool operator==(const Amounts& a, const Amounts& b) {
    return a.messages == b.messages && a.message == b.message && a.encoded == b.encoded &&
           a.transport == b.transport;
  }
};

using Sums = std::map<ObserverKey, Amounts>;

absl::StatusOr<Sums> Recorded(Store* store) {
  Sums sums;
  absl::Status damaged;
  const absl::Status scanned = store->Scan(1, UINT64_MAX, [&](const StoredBatch& stored) {
    const auto batch = OpenSealedBatch(stored.sealed);
    damaged = batch.status();
    if (!damaged.ok()) return false;
    const std::string& node = batch->batch.node();
    for (const Transfer& transfer : ExpandTransfers(*batch)) {
      const auto add = [&](const ObserverKey& key, const DirectionCounts& counts) {
        sums[key].Add(counts.messages, counts.message_bytes.value_or(Bytes(0)),
                      counts.encoded_bytes.value_or(Bytes(0)));
      };
      add({node, transfer.peer, true, transfer.observer, transfer.answered}, transfer.sent);
      add({transfer.peer, node, false, transfer.observer, transfer.answered}, transfer.received);
    }
    for (const v1::Connection& connection : batch->batch.connections()) {
      const std::string& peer = batch->text(connection.peer());
      sums[Proxy(node, peer, true)].transport += Bytes(connection.sent_transport_bytes());
      sums[Proxy(peer, node, false)].transport += Bytes(connection.received_transport_bytes());
    }
    return true;
  });
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(damaged);
  return sums;
}

absl::Status AddBookedTransport(Store* store, Sums* sums) {
  ASSIGN_OR_RETURN(const auto rows, store->ListTransport(INT64_MIN, INT64_MAX));
  for (const auto& [key, totals] : rows) {
    (*sums)[Proxy(key.from, key.to, key.reported_by_sender)].transport += totals.transport;
  }
  return absl::OkStatus();
}

absl::Status AddBooked(Store* store, const std::string& run, Sums* sums) {
  for (const bool unattributed : {false, true}) {
    ASSIGN_OR_RETURN(const auto rows, store->Edges(run, RoundRange(), unattributed));
    for (const EdgeRow& row : rows) {
      const EdgeKey& key = row.key;
      (*sums)[{key.from, key.to, key.reported_by_sender, key.observer, key.answered}].Add(
          row.totals.messages, row.totals.message.bytes, row.totals.encoded.bytes);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEdges(const CountedRun& run) {
  const std::map<uint32_t, CountedEdge> rounds(run.in_rounds.edges.begin(), run.in_rounds.edges.end());
  const std::map<uint32_t, CountedEdge> rest(run.unattributed.edges.begin(), run.unattributed.edges.end());
  std::map<uint32_t, Bytes> largest;
  Bytes of_observer;
  const EdgeObservation* last = nullptr;
  for (const EdgeObservation& observation : run.recorded.observations) {
    if (last == nullptr || last->ObserverKey() != observation.ObserverKey()) of_observer = Bytes(0);
    last = &observation;
    of_observer += observation.totals.message.bytes;
    Bytes& bytes = largest[observation.edge];
    if (observation.answered) bytes = std::max(bytes, of_observer);
  }
  for (const auto& [edge, recorded] : largest) {
    const Bytes in_rounds = rounds.count(edge) > 0 ? rounds.at(edge).message : Bytes(0);
    const Bytes counted = in_rounds + rest.at(edge).message;
    if (counted == std::max(recorded, in_rounds)) continue;
    const RunNames::EdgeEnds ends = run.names.edges()[edge];
    return absl::DataLossError(absl::StrCat("run ", run.record.id, ", ", run.names.nodes()[ends.from], " -> ",
                                            run.names.nodes()[ends.to], ": counted ", counted.count(),
                                            " B of recorded ", recorded.count(), " B"));
  }
  return absl::OkStatus();
}

absl::Status Compare(const Sums& recorded, const Sums& booked) {
  Sums all = recorded;
  all.insert(booked.begin(), booked.end());
  for (const auto& [key, unused] : all) {
    const auto of = [key = &key](const Sums& sums) {
      const auto found = sums.find(*key);
      return found == sums.end() ? Amounts() : found->second;
    };
    const Amounts in_batches = of(recorded);
    const Amounts in_totals = of(booked);
    if (in_batches == in_totals) continue;
    const auto& [from, to, by_sender, observer, answered] = key;
    return absl::DataLossError(absl::StrCat(
        from, " -> ", to, " as its ", by_sender ? "sender" : "receiver", " saw it: batches hold ",
        in_batches.message.count(), " B in ", in_batches.messages, " messages and ",
        in_batches.transport.count(), " B of connections, totals ", in_totals.message.count(), " B in ",
        in_totals.messages, " and ", in_totals.transport.count(), " B"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckConservation(Store* store) {
  ASSIGN_OR_RETURN(const Sums recorded, Recorded(store));
  Sums booked;
  RETURN_IF_ERROR(AddBooked(store, "", &booked));
  RETURN_IF_ERROR(AddBookedTransport(store, &booked));
  std::string after;
  for (;;) {
    ASSIGN_OR_RETURN(const auto records, store->ListRuns(kRunsPerRead, after));
    if (records.empty()) return Compare(recorded, booked);
    after = records.back().id;
    for (const RunRecord& record : records) {
      RETURN_IF_ERROR(AddBooked(store, record.id, &booked));
      ASSIGN_OR_RETURN(const auto run, ReadRun(store, record, nullptr));
      RETURN_IF_ERROR(CheckEdges(*run));
    }
  }
}

}  // namespace fedcarbon::server
