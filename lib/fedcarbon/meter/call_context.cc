#include "fedcarbon/meter/call_context.h"

#include "fedcarbon/text/names.h"

namespace fedcarbon {

namespace {

constexpr uint32_t kVersion = 1;

}  // namespace

std::string EncodeContext(uint64_t call_id, const std::string& node, const RoundId& round) {
  v1::CallContext context;
  context.set_version(kVersion);
  context.set_call_id(call_id);
  context.set_node(node);
  context.set_run(round.run);
  if (round.round.has_value() && *round.round <= kMaxRound) context.set_round(*round.round);
  return context.SerializeAsString();
}

std::optional<v1::CallContext> DecodeContext(std::string_view value) {
  v1::CallContext context;
  if (value.size() > kMaxContextBytes) return std::nullopt;
  if (!context.ParseFromArray(value.data(), static_cast<int>(value.size()))) return std::nullopt;
  if (context.version() != kVersion || !IsNodeName(context.node())) return std::nullopt;
  if (!context.run().empty() && !IsRunId(context.run())) return std::nullopt;
  if (context.round() > kMaxRound) return std::nullopt;
  return context;
}

RoundId RoundOf(const v1::CallContext& context) {
  RoundId round;
  round.run = context.run();
  if (context.has_round()) round.round = context.round();
  return round;
}

}  // namespace fedcarbon
