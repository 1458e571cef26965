// Random facts of every kind, and their comparison: for tests that draw from a printed seed.
#pragma once

#include <google/protobuf/util/message_differencer.h>

#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "fedcarbon/meter/facts.h"
#include "fedcarbon/report/batch_reader.h"

namespace fedcarbon::testing {

class RandomFacts {
 public:
  explicit RandomFacts(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t end) { return std::uniform_int_distribution<uint64_t>(0, end - 1)(random_); }

  /// Of any magnitude: small values are as likely as great ones.
  uint64_t Number(int max_bits = 64) { return random_() >> (64 - max_bits + Below(max_bits)); }

  Transfer NextTransfer() {
    Transfer transfer;
    transfer.call_id = random_();
    transfer.end = static_cast<v1::End>(Below(v1::End_ARRAYSIZE));
    transfer.observer = static_cast<v1::Observer>(Below(v1::Observer_ARRAYSIZE));
    if (Below(4) == 0) transfer.attempt = static_cast<uint32_t>(Number(32));
    if (Below(4) == 0) transfer.part = static_cast<uint32_t>(Number(32));
    transfer.peer = NextPeer();
    transfer.method = "/package.Service/Method" + std::to_string(Below(5));
    transfer.round = NextRound();
    if (Below(8) == 0) transfer.binding = random_();
    transfer.start = NextTime();
    transfer.duration = NextDuration();
    if (Below(8) != 0) transfer.status = static_cast<int>(Below(17));
    transfer.answered = Below(4) != 0;
    if (Below(4) == 0) transfer.waste = static_cast<v1::Waste>(Below(v1::Waste_ARRAYSIZE));
    transfer.sent = NextCounts();
    transfer.received = NextCounts();
    return transfer;
  }

  Connection NextConnection() {
    Connection connection;
    connection.id = random_();
    connection.peer = NextPeer();
    connection.end = static_cast<v1::End>(Below(v1::End_ARRAYSIZE));
    connection.protocol = std::string(Below(kMaxTextBytes + 1), 'h');
    connection.part = static_cast<uint32_t>(Number(32));
    connection.start = NextTime();
    connection.duration = NextDuration();
    connection.sent = Bytes(Number());
    connection.received = Bytes(Number());
    connection.handshakes = static_cast<uint32_t>(Number(32));
    connection.retransmitted = Bytes(Number());
    return connection;
  }

  Fact Next() {
    switch (Below(18)) {
      case 0:
        return Span{Kind(), NextRound(), NextTime(), NextDuration(), AnyOutcome(), Below(2) == 0};
      case 1:
        return Usage{Kind(), NextRound(), NextTime(), NextDuration(), NextDuration(), NextDuration()};
      case 2:
        return RunEvent{NextRun(), NextTime(), AnyOutcome(), "näme " + std::to_string(Below(10)), Number()};
      case 3:
        return RoundEvent{NextRun(), Number(63), NextTime(), AnyOutcome()};
      case 4:
        return NextNode();
      case 5:
        return Binding{random_(), NextRound()};
      case 6:
        return ClockReading{NextTime(), NextDuration() - absl::Hours(1), NextDuration()};
      case 7:
        return Gap{static_cast<v1::Gap::Reason>(Below(v1::Gap::Reason_ARRAYSIZE)),
                   NextTime(),
                   NextTime(),
                   Number(),
                   Bytes(Number()),
                   "x"};
      case 8:
        return Overhead{NextTime(), NextDuration(), Bytes(Number()), Bytes(Number()), Bytes(Number())};
      case 9:
        return NextConnection();
      default:
        return NextTransfer();
    }
  }

 private:
  std::string NextPeer() { return Below(4) == 0 ? "" : "node-" + std::to_string(Below(5)) + ".example"; }
  std::string NextRun() { return Below(4) == 0 ? "" : "run:" + std::to_string(Below(3)); }
  RoundId NextRound() {
    RoundId round{NextRun(), std::nullopt};
    if (Below(4) != 0) round.round = Below(2) == 0 ? Below(3) : Number(63);
    return round;
  }
  // Mostly near the sealing, at times far from it.
  absl::Time NextTime() {
    const int64_t micros = static_cast<int64_t>(Number(Below(8) == 0 ? 54 : 32));
    return absl::FromUnixMicros(Below(2) == 0 ? kNow - micros : (Below(4) == 0 ? micros : kNow + micros / 2));
  }
  absl::Duration NextDuration() { return absl::Microseconds(static_cast<int64_t>(Number(50))); }
  v1::SpanKind Kind() { return static_cast<v1::SpanKind>(Below(v1::SpanKind_ARRAYSIZE)); }
  v1::Outcome AnyOutcome() { return static_cast<v1::Outcome>(Below(v1::Outcome_ARRAYSIZE)); }
  std::optional<Bytes> NextBytes() {
    return Below(3) == 0 ? std::nullopt : std::make_optional(Bytes(Number()));
  }
  DirectionCounts NextCounts() {
    return {Below(3) == 0 ? 0 : Number(), NextBytes(), NextBytes(), NextBytes(),
            static_cast<v1::CountKind>(Below(v1::CountKind_ARRAYSIZE))};
  }
  v1::Node NextNode() {
    v1::Node node;
    node.set_country("HUN");
    node.set_link(static_cast<v1::LinkKind>(Below(v1::LinkKind_ARRAYSIZE)));
    if (Below(2) == 0) node.set_pue_thousandths(static_cast<uint32_t>(Number(32)));
    node.set_cpu_model(std::string(Below(kMaxTextBytes + 1), 'c'));
    node.set_memory_bytes(Number());
    node.add_accelerators()->set_model("gpu");
    return node;
  }

  static constexpr int64_t kNow = 1'790'000'000'000'000;
  std::mt19937_64 random_;
};

inline auto Fields(const DirectionCounts& c) {
  return std::tie(c.messages, c.message_bytes, c.encoded_bytes, c.header_bytes, c.kind);
}
inline bool Same(const Transfer& a, const Transfer& b) {
  const auto fields = [](const Transfer& t) {
    return std::tie(t.call_id, t.end, t.observer, t.attempt, t.part, t.peer, t.method, t.round, t.binding,
                    t.start, t.duration, t.status, t.answered, t.waste);
  };
  return fields(a) == fields(b) && Fields(a.sent) == Fields(b.sent) &&
         Fields(a.received) == Fields(b.received);
}
inline bool Same(const Span& a, const Span& b) {
  const auto fields = [](const Span& s) {
    return std::tie(s.kind, s.round, s.start, s.wall, s.outcome, s.is_upper_bound);
  };
  return fields(a) == fields(b);
}
inline bool Same(const Usage& a, const Usage& b) {
  const auto fields = [](const Usage& u) {
    return std::tie(u.kind, u.round, u.start, u.wall, u.cpu, u.accelerator);
  };
  return fields(a) == fields(b);
}
inline bool Same(const Connection& a, const Connection& b) {
  const auto fields = [](const Connection& c) {
    return std::tie(c.id, c.peer, c.end, c.protocol, c.part, c.start, c.duration, c.sent, c.received,
                    c.handshakes, c.retransmitted);
  };
  return fields(a) == fields(b);
}
inline bool Same(const RunEvent& a, const RunEvent& b) {
  const auto fields = [](const RunEvent& e) {
    return std::tie(e.run, e.time, e.outcome, e.name, e.planned_rounds);
  };
  return fields(a) == fields(b);
}
inline bool Same(const RoundEvent& a, const RoundEvent& b) {
  const auto fields = [](const RoundEvent& e) { return std::tie(e.run, e.round, e.time, e.outcome); };
  return fields(a) == fields(b);
}
inline bool Same(const v1::Node& a, const v1::Node& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}
inline bool Same(const Binding& a, const Binding& b) { return a.key == b.key && a.round == b.round; }
inline bool Same(const ClockReading& a, const ClockReading& b) {
  return a.time == b.time && a.offset == b.offset && a.round_trip == b.round_trip;
}
inline bool Same(const Gap& a, const Gap& b) {
  const auto fields = [](const Gap& g) {
    return std::tie(g.reason, g.from, g.to, g.facts, g.bytes, g.detail);
  };
  return fields(a) == fields(b);
}
inline bool Same(const Overhead& a, const Overhead& b) {
  const auto fields = [](const Overhead& o) {
    return std::tie(o.start, o.wall, o.report_sent, o.report_received, o.context);
  };
  return fields(a) == fields(b);
}

/// All facts of an opened batch, list after list; within a list in the order of the batch.
inline std::vector<Fact> AllFacts(const OpenedBatch& opened) {
  std::vector<Fact> facts;
  const v1::Batch& batch = opened.batch;
  const auto round_of = [&](const auto& fact) {
    return RoundId{opened.text(fact.run()),
                   fact.has_round() ? std::make_optional(fact.round()) : std::nullopt};
  };
  const auto micros = [](uint64_t us) { return absl::Microseconds(static_cast<int64_t>(us)); };
  for (Transfer& transfer : ExpandTransfers(opened)) facts.emplace_back(std::move(transfer));
  for (const auto& s : batch.spans()) {
    facts.emplace_back(Span{s.kind(), round_of(s), opened.time(s.start_us()), micros(s.wall_us()),
                            s.outcome(), s.is_upper_bound()});
  }
  for (const auto& u : batch.usages()) {
    facts.emplace_back(Usage{u.kind(), round_of(u), opened.time(u.start_us()), micros(u.wall_us()),
                             micros(u.cpu_us()), micros(u.accelerator_us())});
  }
  for (const auto& c : batch.connections()) {
    facts.emplace_back(Connection{c.connection_id(), opened.text(c.peer()), c.end(), c.protocol(), c.part(),
                                  opened.time(c.start_us()), micros(c.duration_us()),
                                  Bytes(c.sent_transport_bytes()), Bytes(c.received_transport_bytes()),
                                  c.handshakes(), Bytes(c.retransmitted_bytes())});
  }
  for (const auto& e : batch.run_events()) {
    facts.emplace_back(
        RunEvent{opened.text(e.run()), opened.time(e.time_us()), e.outcome(), e.name(), e.planned_rounds()});
  }
  for (const auto& e : batch.round_events()) {
    facts.emplace_back(RoundEvent{opened.text(e.run()), e.round(), opened.time(e.time_us()), e.outcome()});
  }
  for (const auto& n : batch.nodes()) facts.emplace_back(n);
  for (const auto& b : batch.bindings()) facts.emplace_back(Binding{b.key(), round_of(b)});
  for (const auto& c : batch.clocks()) {
    facts.emplace_back(
        ClockReading{opened.time(c.time_us()), absl::Microseconds(c.offset_us()), micros(c.round_trip_us())});
  }
  for (const auto& g : batch.gaps()) {
    facts.emplace_back(Gap{g.reason(), opened.time(g.from_us()), opened.time(g.to_us()), g.facts(),
                           Bytes(g.bytes()), g.detail()});
  }
  for (const auto& o : batch.overheads()) {
    facts.emplace_back(Overhead{opened.time(o.start_us()), micros(o.wall_us()), Bytes(o.report_sent_bytes()),
                                Bytes(o.report_received_bytes()), Bytes(o.context_bytes())});
  }
  return facts;
}

inline bool Same(const Fact& a, const Fact& b) {
  if (a.index() != b.index()) return false;
  return std::visit([&](const auto& held) { return Same(held, std::get<std::decay_t<decltype(held)>>(b)); },
                    a);
}

}  // namespace fedcarbon::testing
