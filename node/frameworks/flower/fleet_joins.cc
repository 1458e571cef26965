#include "node/frameworks/flower/fleet_joins.h"

#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace fedcarbon::node::flower {

std::string RunName(uint64_t run) { return run == 0 ? std::string() : absl::StrCat("flower:", run); }

Booking FleetJoins::BeginInstruction(uint64_t node, const FleetMessage& message, uint64_t key) {
  const MessageKey id(message.run, message.message);
  MutexLock lock(&mutex_);
  current_.Put(node, id);
  if (const Instruction* const known = instructions_.Find(id)) return known->booking;
  Instruction instruction;
  instruction.booking = {{RunName(message.run), std::nullopt}, key};
  uint64_t round = 0;  // strategies of old name the round so
  if (absl::SimpleAtoi(message.group, &round) && round <= kMaxRound) instruction.booking.round.round = round;
  return instructions_.Put(id, std::move(instruction)).booking;
}

FoundRound FleetJoins::OfPulledObject(const FleetMessage& request) {
  MutexLock lock(&mutex_);
  Instruction* const instruction = Current(request);
  const uint64_t* const round = rounds_.Find({request.run, request.object});
  if (instruction == nullptr || round == nullptr) return {BookingOf(instruction, request.run), false};
  return Name(instruction, *round);
}

FoundRound FleetJoins::NameRound(const FleetMessage& request, uint64_t round) {
  MutexLock lock(&mutex_);
  rounds_.Put({request.run, request.object}, round);
  Instruction* const instruction = Current(request);
  if (instruction == nullptr) return {BookingOf(nullptr, request.run), false};
  return Name(instruction, round);
}

Booking FleetJoins::OfConfirm(const FleetMessage& request) {
  MutexLock lock(&mutex_);
  return BookingOf(instructions_.Find({request.run, request.object}), request.run);
}

Booking FleetJoins::Confirm(const FleetMessage& request, absl::Duration now) {
  MutexLock lock(&mutex_);
  Instruction* const instruction = instructions_.Find({request.run, request.object});
  if (instruction != nullptr) instruction->confirmed = now;
  const MessageKey* const current = current_.Find(request.node);
  if (current != nullptr && *current == MessageKey(request.run, request.object)) current_.Erase(request.node);
  return BookingOf(instruction, request.run);
}

Booking FleetJoins::OfReply(const FleetMessage& request) {
  MutexLock lock(&mutex_);
  const MessageKey id(request.run, request.reply_to);
  replying_.Put(request.node, id);
  return BookingOf(instructions_.Find(id), request.run);
}

std::optional<absl::Duration> FleetJoins::Computed(const FleetMessage& request, absl::Duration now) {
  MutexLock lock(&mutex_);
  Instruction* const instruction = instructions_.Find({request.run, request.reply_to});
  if (instruction == nullptr || !instruction->confirmed.has_value()) return std::nullopt;
  const absl::Duration passed = now - *instruction->confirmed;
  instruction->confirmed.reset();  // a reply that is sent again is no second computation
  return passed;
}

void FleetJoins::BeginSession(const FleetMessage& request, const std::string& session) {
  MutexLock lock(&mutex_);
  sessions_.Put(session, {request.run, request.reply_to});
}

Booking FleetJoins::OfPushedObject(const FleetMessage& request) {
  MutexLock lock(&mutex_);
  const MessageKey* const id =
      request.session.empty() ? replying_.Find(request.node) : sessions_.Find(request.session);
  const bool is_of_run = id != nullptr && id->first == request.run;
  return BookingOf(is_of_run ? instructions_.Find(*id) : nullptr, request.run);
}

v1::Waste FleetJoins::BeginMove(uint64_t node, const std::string& what) {
  MutexLock lock(&mutex_);
  const v1::Waste* const known = moves_.Find({node, what});
  const v1::Waste waste = known != nullptr ? *known : v1::WASTE_UNSPECIFIED;
  moves_.Put({node, what}, v1::WASTE_REPEATED);
  return waste;
}

void FleetJoins::EndMove(uint64_t node, const std::string& what, bool has_arrived) {
  MutexLock lock(&mutex_);
  moves_.Put({node, what}, has_arrived ? v1::WASTE_REPEATED : v1::WASTE_RETRY);
}

void FleetJoins::UndoMove(uint64_t node, const std::string& what, v1::Waste waste) {
  MutexLock lock(&mutex_);
  if (waste == v1::WASTE_UNSPECIFIED) {
    moves_.Erase({node, what});
  } else {
    moves_.Put({node, what}, waste);
  }
}

FleetJoins::Instruction* FleetJoins::Current(const FleetMessage& request) {
  const MessageKey* const id = current_.Find(request.node);
  return id != nullptr && id->first == request.run ? instructions_.Find(*id) : nullptr;
}

Booking FleetJoins::BookingOf(const Instruction* instruction, uint64_t run) {
  return instruction != nullptr ? instruction->booking : Booking{{RunName(run), std::nullopt}, 0};
}

FoundRound FleetJoins::Name(Instruction* instruction, uint64_t round) {
  const bool is_new = !instruction->booking.round.round.has_value();
  if (is_new) instruction->booking.round.round = round;
  return {instruction->booking, is_new};
}

}  // namespace fedcarbon::node::flower
