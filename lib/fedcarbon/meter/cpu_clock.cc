#include "fedcarbon/meter/cpu_clock.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {
namespace {

absl::Duration Read(clockid_t clock) {
  timespec time;
  if (clock_gettime(clock, &time) != 0) return absl::ZeroDuration();
  return absl::DurationFromTimespec(time);
}

// The threads that are marked now, and the time of those that were. Forking waits for the lock, so that a
// child finds the list whole; its threads do not exist there.
class OwnThreads {
 public:
  static OwnThreads& Get() {
    static OwnThreads* const threads = [] {
      auto* made = new OwnThreads;  // never destroyed: threads may outlive static destruction
      pthread_atfork(BeforeFork, AfterForkInParent, AfterForkInChild);
      return made;
    }();
    return *threads;
  }

  void Add(clockid_t clock, absl::Duration before) {
    MutexLock lock(&mutex_);
    running_.push_back(clock);
    total_ -= before;
  }

  void Remove(clockid_t clock) {
    MutexLock lock(&mutex_);
    total_ += Read(clock);
    running_.erase(std::find(running_.begin(), running_.end(), clock));
  }

  absl::Duration Total() {
    MutexLock lock(&mutex_);
    absl::Duration total = total_;
    for (const clockid_t clock : running_) total += Read(clock);
    return total;
  }

 private:
  static void BeforeFork() ABSL_NO_THREAD_SAFETY_ANALYSIS { Get().mutex_.Lock(); }
  static void AfterForkInParent() ABSL_NO_THREAD_SAFETY_ANALYSIS { Get().mutex_.Unlock(); }
  static void AfterForkInChild() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Get().running_.clear();
    Get().total_ = absl::ZeroDuration();
    Get().mutex_.Unlock();
  }

  Mutex mutex_;
  std::vector<clockid_t> running_ ABSL_GUARDED_BY(mutex_);
  absl::Duration total_ ABSL_GUARDED_BY(mutex_);  // without what running threads used
};

class SystemCpuClock : public CpuClock {
 public:
  absl::Duration Process() const override { return Read(CLOCK_PROCESS_CPUTIME_ID); }
  absl::Duration OwnThreads() const override { return fedcarbon::OwnThreads::Get().Total(); }
};

class SystemAllOwnCpuClock : public CpuClock {
 public:
  absl::Duration Process() const override { return Read(CLOCK_PROCESS_CPUTIME_ID); }
  absl::Duration OwnThreads() const override { return Process(); }
};

}  // namespace

const CpuClock* CpuClock::System() {
  static const SystemCpuClock* const clock = new SystemCpuClock;
  return clock;
}

const CpuClock* CpuClock::SystemAllOwn() {
  static const SystemAllOwnCpuClock* const clock = new SystemAllOwnCpuClock;
  return clock;
}

OwnThread::OwnThread() {
  pthread_getcpuclockid(pthread_self(), &clock_);
  OwnThreads::Get().Add(clock_, Read(clock_));
}

OwnThread::~OwnThread() { OwnThreads::Get().Remove(clock_); }

}  // namespace fedcarbon
