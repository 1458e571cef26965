// SIGINT and SIGTERM as a call on an ordinary thread.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace fedcarbon::demo {

/// Call it first in main(): threads made later inherit that the signals wait for a StopSignal.
void BlockStopSignals();

/// The callback runs once, on a thread of this object; the destructor waits for it.
class StopSignal {
 public:
  explicit StopSignal(std::function<void()> on_stop);
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// The signal that came; 0: none yet.
  int received() const { return received_; }

 private:
  std::atomic<int> received_{0};
  std::thread thread_;
};

}  // namespace fedcarbon::demo
