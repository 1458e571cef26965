// The node that a channel's last answer named.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

/// A channel mostly leads to one node: whoever answered last is the best guess for the next call, whose parts
/// may be recorded before its own answer. Thread-safe; only a change of the answer takes the lock.
class LastPeer {
 public:
  /// So many different names are remembered. What comes after them changes nothing: names come from the
  /// network, and take memory for as long as the channel lives.
  static constexpr size_t kMaxNames = 64;

  /// Empty: nobody answered yet.
  const std::string& Get() const;

  void Set(const std::string& node);

 private:
  std::atomic<const std::string*> last_ = nullptr;  // one of names_

  Mutex mutex_;
  std::vector<std::unique_ptr<const std::string>> names_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon
