// How many forks lie between this process and the program's start: what threads, locks and random state of
// the parent mean is over in a child, and this says so without a system call.
#pragma once

#include <atomic>
#include <cstdint>

namespace fedcarbon {

namespace internal {
extern std::atomic<uint64_t> fork_generation;
}

/// Makes the count work from here on. Cheap to call again.
void WatchForks();

/// Never 0. The same for the life of a process; greater in a child of fork().
inline uint64_t ForkGeneration() { return internal::fork_generation.load(std::memory_order_relaxed); }

}  // namespace fedcarbon
