// Limits inside a batch that builder and reader share; the format's page (proto/fedcarbon/v1/README.md)
// states them.
#pragma once

#include <cstdint>

namespace fedcarbon::batch_limits {

/// Times of facts lie within this of the Unix epoch, durations within [0, this]: 571 years. The difference of
/// two such times is a varint of at most 8 bytes. The builder sees to it; the reader refuses durations and a
/// batch's own time beyond it, and takes times of facts as they are.
inline constexpr int64_t kMaxMicroseconds = (int64_t{1} << 54) - 1;

/// A boot id is a UUID in text; what is longer is cut.
inline constexpr size_t kMaxBootIdBytes = 64;

/// Transfers.status is a gRPC status code + 1; the codes end at 16.
inline constexpr uint32_t kMaxStatus = 17;

}  // namespace fedcarbon::batch_limits
