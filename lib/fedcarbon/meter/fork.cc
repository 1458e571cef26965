#include "fedcarbon/meter/fork.h"

#include <pthread.h>

namespace fedcarbon {

std::atomic<uint64_t> internal::fork_generation{1};

void WatchForks() {
  [[maybe_unused]] static const int watched = pthread_atfork(
      nullptr, nullptr, [] { internal::fork_generation.fetch_add(1, std::memory_order_relaxed); });
}

}  // namespace fedcarbon
