// The processor time that the process used, and how much of it was fedcarbon's own.
#pragma once

#include <sys/types.h>

#include "absl/time/time.h"

namespace fedcarbon {

/// Processor time, user and system together. Thread-safe. Never fails.
class CpuClock {
 public:
  virtual ~CpuClock() = default;

  /// Of all threads of the process, also of those that have ended.
  virtual absl::Duration Process() const = 0;

  /// Of the threads that are or were marked by an OwnThread; a part of Process().
  virtual absl::Duration OwnThreads() const = 0;

  /// The kernel's account; lives for ever.
  static const CpuClock* System();

  /// The same of a program that is fedcarbon's own as a whole: OwnThreads() is Process(), whatever is marked.
  static const CpuClock* SystemAllOwn();
};

/// Marks the calling thread as fedcarbon's own while it lives: its processor time is booked as FEDCARBON, not
/// to any span. Each thread of ours holds one as its first local variable. Made and destroyed on that thread.
class OwnThread {
 public:
  OwnThread();
  ~OwnThread();
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;

 private:
  clockid_t clock_;
};

}  // namespace fedcarbon
