// The tests' own count of what passed at one end: the oracle that metering is compared with.
#pragma once

#include <cstdint>
#include <ostream>

#include "fedcarbon/meter/facts.h"
#include "fedcarbon/sync/mutex.h"
#include "tests/unit/meter/grpc/echo.pb.h"

namespace fedcarbon::test {

struct Counts {
  uint64_t messages = 0;
  uint64_t bytes = 0;

  void Add(const Payload& payload) { Add(payload.SerializeAsString().size()); }
  void Add(size_t size) {
    ++messages;
    bytes += size;
  }
  friend bool operator==(const Counts& a, const Counts& b) {
    return a.messages == b.messages && a.bytes == b.bytes;
  }
  friend std::ostream& operator<<(std::ostream& out, const Counts& counts) {
    return out << counts.messages << " messages, " << counts.bytes << " bytes";
  }
};

/// What was recorded, in the same terms.
inline Counts CountsOf(const DirectionCounts& direction) {
  return {direction.messages, direction.message_bytes.value_or(Bytes()).count()};
}

/// Both directions, as one end saw them.
struct Tally {
  Counts sent;
  Counts received;
};

/// What a server saw, over all calls. Thread-safe.
class ServerTally {
 public:
  template <typename M>
  void Sent(const M& message) {
    MutexLock lock(&mutex_);
    tally_.sent.Add(message);
  }
  template <typename M>
  void Received(const M& message) {
    MutexLock lock(&mutex_);
    tally_.received.Add(message);
  }
  Tally Get() const {
    MutexLock lock(&mutex_);
    return tally_;
  }

 private:
  mutable Mutex mutex_;
  Tally tally_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::test
