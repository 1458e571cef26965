#include "node/proxy/metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace fedcarbon::node {
namespace {

TEST(ShardedCounter, LosesNothingWhereMoreThreadsCountThanHaveALineOfTheirOwn) {
  constexpr size_t kThreads = 2 * ShardedCounter::kOwned + 1;
  constexpr uint64_t kTimes = 500'000;
  ShardedCounter counter;
  std::atomic<bool> is_begun{false};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      while (!is_begun) std::this_thread::yield();
      for (uint64_t time = 0; time < kTimes; ++time) Count(&counter, 3);
    });
  }
  is_begun = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, 3 * kTimes * kThreads);
}

}  // namespace
}  // namespace fedcarbon::node
