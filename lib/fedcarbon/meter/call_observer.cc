#include "fedcarbon/meter/call_observer.h"

#include "fedcarbon/meter/fact_recorder.h"
#include "fedcarbon/meter/random_id.h"

namespace fedcarbon {
namespace {

constexpr int kOk = 0;  // gRPC status codes
constexpr int kCancelled = 1;

bool Nothing(const RoundId& round) { return round.run.empty() && !round.round.has_value(); }

// Whether both may be the same round, each as far as it is known.
bool Agree(const RoundId& a, const RoundId& b) {
  return (a.run.empty() || b.run.empty() || a.run == b.run) &&
         (!a.round.has_value() || !b.round.has_value() || a.round == b.round);
}

RoundId Join(const RoundId& a, const RoundId& b) {
  return {a.run.empty() ? b.run : a.run, a.round.has_value() ? a.round : b.round};
}

// A layer is known only if all that it sums is.
void AddLayer(std::optional<Bytes>* sum, std::optional<Bytes> bytes, bool is_first) {
  if (is_first) {
    *sum = bytes;
  } else if (sum->has_value() && bytes.has_value()) {
    *sum = **sum + *bytes;
  } else {
    sum->reset();
  }
}

}  // namespace

CallObserver::CallObserver(std::shared_ptr<FactRecorder> recorder, CallStart start)
    : recorder_(std::move(recorder)),
      call_id_(start.call_id != 0 ? start.call_id : RandomId()),
      end_(start.end),
      requested_round_(start.end == v1::END_SERVER && start.round.known()),
      // A server's end exists because its peer called.
      answered_(start.end == v1::END_SERVER),
      peer_settled_(start.end == v1::END_SERVER || !start.peer.empty()) {
  if (recorder_->inert()) return;
  part_.call_id = call_id_;
  part_.end = start.end;
  part_.observer = start.observer;
  part_.attempt = start.attempt;
  part_.peer = std::move(start.peer);
  part_.method = std::move(start.method);
  part_.round = std::move(start.round);
  part_.start = recorder_->clock().Now();
  part_began_ = recorder_->clock().Monotonic();
  recorder_->calls().Add(this, part_.round);
}

CallObserver::~CallObserver() { End(kCancelled); }

void CallObserver::OnMessage(Direction direction, const MessageSize& size, const RoundId& round) {
  Carry(direction, size, round, /*ends=*/true);
}

void CallObserver::OnBytes(Direction direction, const MessageSize& piece) {
  Carry(direction, piece, {}, /*ends=*/false);
}

void CallObserver::Carry(Direction direction, const MessageSize& size, const RoundId& round, bool ends) {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    DirectionState& state = direction == Direction::kSent ? sent_ : received_;
    const bool in_pieces = state.under_way || !ends;
    if (!state.under_way) ++state.messages;
    state.under_way = !ends;
    flows_ = flows_ || sent_.messages > 1;
    answered_ = answered_ || direction == Direction::kReceived;
    ReleaseIfSure(&effects.closed);
    NameRound(round, &effects);
    DirectionCounts& counts = Moving(direction, in_pieces, &effects.closed);
    const bool is_first = !std::exchange(state.in_part, true);
    AddLayer(&counts.message_bytes, size.message, is_first);
    AddLayer(&counts.encoded_bytes, size.encoded, is_first);
    counts.kind = counts.message_bytes.has_value() ? size.kind : v1::COUNT_KIND_UNSPECIFIED;
    if (ends) ++counts.messages;
  }
  Apply(std::move(effects));
}

void CallObserver::OnHeaders(Direction direction, Bytes bytes) {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    if (direction == Direction::kReceived) answered_ = true;
    ReleaseIfSure(&effects.closed);
    DirectionCounts& counts = Moving(direction, /*in_pieces=*/false, &effects.closed);
    counts.header_bytes = counts.header_bytes.value_or(Bytes(0)) + bytes;
  }
  Apply(std::move(effects));
}

void CallObserver::SetRound(const RoundId& round) {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    const bool looks_unary = sent_.messages == 0 && received_.messages <= 1;
    if (requested_round_ && looks_unary && !Agree(part_.round, round)) return;
    NameRound(round, &effects);
  }
  Apply(std::move(effects));
}

void CallObserver::AdoptRound(const RoundId& round) {
  if (recorder_->inert() || Nothing(round)) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_ || !Agree(part_.round, round)) return;
    NameRound(round, &effects);
  }
  Apply(std::move(effects));
}

void CallObserver::FollowRound(const RoundId& round) {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_ || round == part_.round) return;
    GoTo(round, &effects);
  }
  Apply(std::move(effects));
}

void CallObserver::SetBinding(uint64_t key) {
  if (recorder_->inert()) return;
  MutexLock lock(&mutex_);
  binding_ = key;
}

void CallObserver::BeginPart(uint64_t binding) {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    several_rounds_ = true;
    if (moving_since_.has_value()) ClosePart(recorder_->clock().Monotonic(), &effects.closed);
    binding_ = binding;
    MoveTo({part_.round.run, std::nullopt}, &effects);
  }
  Apply(std::move(effects));
}

void CallObserver::SetPeer(const std::string& peer) {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    part_.peer = peer;
    for (Transfer& part : held_) part.peer = peer;
    peer_settled_ = true;
    ReleaseIfSure(&effects.closed);
  }
  Apply(std::move(effects));
}

void CallObserver::SettlePeer() {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    peer_settled_ = true;
    ReleaseIfSure(&effects.closed);
  }
  Apply(std::move(effects));
}

void CallObserver::SetWaste(v1::Waste waste) {
  if (recorder_->inert()) return;
  MutexLock lock(&mutex_);
  part_.waste = waste;
  for (Transfer& part : held_) part.waste = waste;
}

void CallObserver::SetAnswered() {
  if (recorder_->inert()) return;
  Effects effects;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    answered_ = true;
    ReleaseIfSure(&effects.closed);
  }
  Apply(std::move(effects));
}

void CallObserver::End(int status) {
  if (recorder_->inert()) return;
  Transfer last;
  std::vector<Transfer> held;
  bool bind;
  {
    MutexLock lock(&mutex_);
    if (ended_) return;
    ended_ = true;
    answered_ = answered_ || status == kOk;
    bind = to_bind_ && !several_rounds_ && part_.round.known();
    held = std::move(held_);
    last = std::move(part_);
    if (!last.round.known()) last.binding = binding_;
    last.duration = recorder_->clock().Monotonic() - part_began_;
    last.status = status;
    last.answered = answered_;
  }
  recorder_->calls().Remove(this, last.round);
  for (Transfer& part : held) {
    part.answered = last.answered;
    recorder_->Record(std::move(part));
  }
  std::optional<Binding> binding;
  if (bind) binding = Binding{call_id_, last.round};
  recorder_->Record(std::move(last));
  if (binding.has_value()) recorder_->Record(*std::move(binding));
}

void CallObserver::CloseDuePart(absl::Duration now, std::vector<Transfer>* closed) {
  MutexLock lock(&mutex_);
  if (!ended_) CloseIfDue(now, closed);
}

RoundId CallObserver::WholeCallRound() const {
  if (recorder_->inert()) return {};
  MutexLock lock(&mutex_);
  return several_rounds_ ? RoundId{} : part_.round;
}

void CallObserver::NameRound(const RoundId& round, Effects* effects) {
  if (Nothing(round) || round == part_.round) return;
  if (!Agree(part_.round, round)) return GoTo(round, effects);
  MoveTo(Join(part_.round, round), effects);
}

// Whose rounds are open is asked of served calls alone.
void CallObserver::MoveTo(RoundId to, Effects* effects) {
  if (to == part_.round) return;
  RoundId from = std::exchange(part_.round, std::move(to));
  if (end_ == v1::END_SERVER) effects->moved.emplace(std::move(from), part_.round);
}

void CallObserver::GoTo(const RoundId& round, Effects* effects) {
  if (moving_since_.has_value() || part_.part > 0) several_rounds_ = true;
  if (moving_since_.has_value()) ClosePart(recorder_->clock().Monotonic(), &effects->closed);
  MoveTo(round, effects);
}

// Most calls are one message each way, told whole. They need no look at the clock: the first part is taken to
// move since the call began, and the sweep watches it.
DirectionCounts& CallObserver::Moving(Direction direction, bool in_pieces, std::vector<Transfer>* closed) {
  if (part_.part == 0 && !moving_since_.has_value()) {
    moving_since_ = part_began_;
  } else if (part_.part > 0 || in_pieces || part_.sent.messages + part_.received.messages > 2) {
    const absl::Duration now = recorder_->clock().Monotonic();
    if (direction == Direction::kSent && sent_.in_part && IsDue(now)) flows_ = true;
    CloseIfDue(now, closed);
    if (!moving_since_.has_value()) BeginMoving(now);
  }
  return direction == Direction::kSent ? part_.sent : part_.received;
}

// The time before belongs to no part: nothing has passed in it.
void CallObserver::BeginMoving(absl::Duration now) {
  moving_since_ = now;
  if (part_.part == 0) return;
  part_.start = recorder_->clock().Now();
  part_began_ = now;
}

void CallObserver::CloseIfDue(absl::Duration now, std::vector<Transfer>* closed) {
  if (IsDue(now) && Confirmed()) ClosePart(now, closed);
}

bool CallObserver::IsDue(absl::Duration now) const {
  return moving_since_.has_value() && now - *moving_since_ >= recorder_->part_interval();
}

void CallObserver::ClosePart(absl::Duration now, std::vector<Transfer>* closed) {
  Transfer part = part_;
  part.duration = now - part_began_;
  if (!part_.round.known()) {
    part.binding = binding_ != 0 ? binding_ : call_id_;
    to_bind_ = to_bind_ || binding_ == 0;
  }
  held_.push_back(std::move(part));
  ReleaseIfSure(closed);

  ++part_.part;
  part_.start = recorder_->clock().Now();
  part_.sent = {};
  part_.received = {};
  sent_.in_part = false;
  received_.in_part = false;
  part_began_ = now;
  moving_since_.reset();
}

void CallObserver::ReleaseIfSure(std::vector<Transfer>* closed) {
  if (!peer_settled_ || !Confirmed()) return;
  for (Transfer& part : held_) closed->push_back(std::move(part));
  held_.clear();
}

void CallObserver::Apply(Effects effects) {
  if (effects.moved.has_value()) {
    recorder_->calls().MoveRound(*this, effects.moved->first, effects.moved->second);
  }
  for (Transfer& part : effects.closed) recorder_->Record(std::move(part));
}

}  // namespace fedcarbon
