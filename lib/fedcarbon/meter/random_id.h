// Ids that nothing else has drawn.
#pragma once

#include <cstdint>
#include <string>

namespace fedcarbon {

/// 64 random bits, never 0. A generator of its own in each thread, seeded by the kernel once and again after
/// a fork: no system call per id. Not for secrets.
uint64_t RandomId();

/// A random UUID (RFC 4122, version 4) as text, from the kernel.
std::string RandomUuid();

}  // namespace fedcarbon
