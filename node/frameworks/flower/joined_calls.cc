#include "node/frameworks/flower/joined_calls.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace fedcarbon::node::flower {
namespace {

// That the message itself names: strategies of old in its group, messages of old in their content.
std::optional<uint64_t> RoundOf(const FleetMessage& message) {
  uint64_t round = 0;
  if (absl::SimpleAtoi(message.group, &round) && round <= kMaxRound) return round;
  return message.round;
}

// What servers of old ask one node for before the first round. Flower's own workflow gives it the group 0,
// its server none.
constexpr std::string_view kInitialWeights = "get_parameters";

}  // namespace

std::string RunName(uint64_t run) { return run == 0 ? std::string() : absl::StrCat("flower:", run); }

void JoinedCalls::EndInstruction(uint64_t node) {
  MutexLock lock(&mutex_);
  current_.Erase(node);
}

Entry JoinedCalls::BeginInstruction(uint64_t node, const FleetMessage& message, uint64_t key) {
  Entry entry{{RunName(message.run), RoundOf(message)}, key, message.message};
  if (message.message.empty()) {
    entry.key = 0;
    return entry;
  }
  const MessageKey id(message.run, message.message);
  MutexLock lock(&mutex_);
  if (entry.round.round.has_value()) {
    begun_.Put(message.run, true);
  } else if (message.type == kInitialWeights && begun_.Find(message.run) == nullptr) {
    entry.round.round = 0;
  }
  if (node != 0) current_.Put(node, id);
  const Instruction* const known = instructions_.Find(id);
  const auto& round = entry.round.round;
  if (known != nullptr && (!round.has_value() || round == known->entry.round.round)) return known->entry;
  return instructions_.Put(id, {std::move(entry), std::nullopt}).entry;
}

FoundRound JoinedCalls::OfPulledObject(const FleetMessage& request) {
  MutexLock lock(&mutex_);
  Instruction* const instruction = Current(request);
  if (instruction == nullptr || instruction->entry.round.round.has_value())
    return {EntryOf(instruction, request.run), false};
  const uint64_t* const round = rounds_.Find({request.run, request.object});
  if (round == nullptr) return {instruction->entry, false};
  return Name(instruction, *round);
}

FoundRound JoinedCalls::NameRound(const FleetMessage& request, const Entry& entry, uint64_t round) {
  MutexLock lock(&mutex_);
  if (!request.object.empty()) rounds_.Put({request.run, request.object}, round);
  Instruction* const instruction = instructions_.Find({request.run, entry.message});
  if (instruction == nullptr) return {entry, false};
  return Name(instruction, round);
}

Entry JoinedCalls::OfConfirm(const FleetMessage& request) {
  MutexLock lock(&mutex_);
  return EntryOf(instructions_.Find({request.run, request.object}), request.run);
}

void JoinedCalls::Confirm(uint64_t node, uint64_t run, const std::string& message, absl::Duration now) {
  const MessageKey id(run, message);
  MutexLock lock(&mutex_);
  if (Instruction* const instruction = instructions_.Find(id)) instruction->confirmed = now;
  const MessageKey* const current = current_.Find(node);
  if (current != nullptr && *current == id) current_.Erase(node);
}

Entry JoinedCalls::OfReply(const FleetMessage& request) {
  const MessageKey id(request.run, request.reply_to);
  MutexLock lock(&mutex_);
  if (request.messages != 1 || request.reply_to.empty()) {
    replying_.Erase(request.node);
    return EntryOf(nullptr, request.messages == 1 ? request.run : 0);
  }
  if (request.node != 0) replying_.Put(request.node, id);
  return EntryOf(instructions_.Find(id), request.run);
}

std::optional<absl::Duration> JoinedCalls::Computed(const FleetMessage& request, absl::Duration now) {
  MutexLock lock(&mutex_);
  Instruction* const instruction = instructions_.Find({request.run, request.reply_to});
  if (instruction == nullptr || !instruction->confirmed.has_value()) return std::nullopt;
  const absl::Duration passed = now - *instruction->confirmed;
  instruction->confirmed.reset();  // a reply that is sent again is no second computation
  return passed;
}

void JoinedCalls::BeginSession(const FleetMessage& request, const std::string& session) {
  MutexLock lock(&mutex_);
  if (request.messages == 1 && !request.reply_to.empty()) {
    sessions_.Put(session, {request.run, request.reply_to});
  } else {
    sessions_.Erase(session);
  }
}

Entry JoinedCalls::OfPushedObject(const FleetMessage& request) {
  MutexLock lock(&mutex_);
  const MessageKey* const id =
      request.session.empty() ? replying_.Find(request.node) : sessions_.Find(request.session);
  const bool is_of_run = id != nullptr && id->first == request.run;
  return EntryOf(is_of_run ? instructions_.Find(*id) : nullptr, request.run);
}

v1::Waste JoinedCalls::BeginMove(const Move& move) {
  MutexLock lock(&mutex_);
  if (v1::Waste* const known = moves_.Find(move)) return std::exchange(*known, v1::WASTE_REPEATED);
  moves_.Put(move, v1::WASTE_REPEATED);
  return v1::WASTE_UNSPECIFIED;
}

void JoinedCalls::EndMove(const Move& move, bool has_arrived) {
  MutexLock lock(&mutex_);
  moves_.Put(move, has_arrived ? v1::WASTE_REPEATED : v1::WASTE_RETRY);
}

void JoinedCalls::UndoMove(const Move& move, v1::Waste waste) {
  MutexLock lock(&mutex_);
  if (waste == v1::WASTE_UNSPECIFIED) {
    moves_.Erase(move);
  } else {
    moves_.Put(move, waste);
  }
}

JoinedCalls::Instruction* JoinedCalls::Current(const FleetMessage& request) {
  const MessageKey* const id = current_.Find(request.node);
  return id != nullptr && id->first == request.run ? instructions_.Find(*id) : nullptr;
}

Entry JoinedCalls::EntryOf(const Instruction* instruction, uint64_t run) {
  return instruction != nullptr ? instruction->entry : Entry{{RunName(run), std::nullopt}, 0, {}};
}

FoundRound JoinedCalls::Name(Instruction* instruction, uint64_t round) {
  const bool is_new = !instruction->entry.round.round.has_value();
  if (is_new) instruction->entry.round.round = round;
  return {instruction->entry, is_new};
}

}  // namespace fedcarbon::node::flower
