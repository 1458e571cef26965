#include "fedcarbon/sync/mutex.h"

#include <gtest/gtest.h>

#include <thread>

namespace fedcarbon {
namespace {

TEST(CondVar, AnInfiniteTimeoutDoesNotPass) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  mutex.Lock();
  std::thread other([&] {
    MutexLock lock(&mutex);  // had only once the wait below has begun
    ready = true;
    changed.NotifyAll();
  });
  while (!ready) EXPECT_TRUE(changed.WaitFor(&mutex, absl::InfiniteDuration()));
  mutex.Unlock();
  other.join();
}

TEST(CondVar, ATimeoutPasses) {
  Mutex mutex;
  CondVar changed;
  MutexLock lock(&mutex);
  while (changed.WaitFor(&mutex, absl::Milliseconds(1))) {
  }
}

}  // namespace
}  // namespace fedcarbon
