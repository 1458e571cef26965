// What travels beside an RPC: the metadata key `fedcarbon-bin`, up in the request's initial metadata, back in
// the answer's trailing metadata, and of a stream with its first message
// (proto/fedcarbon/v1/call_context.proto,
// README.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fedcarbon/meter/facts.h"
#include "fedcarbon/v1/call_context.pb.h"

namespace fedcarbon {

inline constexpr char kContextKey[] = "fedcarbon-bin";
inline constexpr size_t kMaxContextBytes = 1024;

/// The key's value. `call_id` is 0 in an answer. A round above kMaxRound is not told.
std::string EncodeContext(uint64_t call_id, const std::string& node, const RoundId& round);

/// Nothing if the value is over kMaxContextBytes, unreadable, of another version than 1, or names a node, run
/// or round that cannot be: it comes from the network and is trusted no further than this.
std::optional<v1::CallContext> DecodeContext(std::string_view value);

RoundId RoundOf(const v1::CallContext& context);

}  // namespace fedcarbon
