// Names into addresses, on a thread of its own: getaddrinfo blocks.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "node/proxy/socket.h"

namespace fedcarbon::node {

/// Thread-safe. A name is looked up again after kReuse; if that fails, the addresses that it had last go on
/// to be used, as an established client would. The destructor drops what still waits, and waits for the
/// look-up under way.
class Resolver {
 public:
  static constexpr absl::Duration kReuse = absl::Seconds(5);

  using Done = std::function<void(std::vector<SocketAddress>)>;
  using LookUpName = std::function<std::vector<SocketAddress>(const Address&)>;

  /// `clock` must outlive this. `look_up` may block.
  explicit Resolver(LookUpName look_up = LookUp, const Clock* clock = Clock::System());
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `done` with the addresses, none if the name has none: at once if they are known, else on the
  /// resolver's thread.
  void Resolve(const Address& address, Done done);

 private:
  struct Known {
    std::vector<SocketAddress> addresses;
    absl::Duration since;  // monotonic
  };
  struct Question {
    Address address;
    Done done;
  };

  void Run();
  std::vector<SocketAddress> Answer(const Address& address);

  const LookUpName look_up_;
  const Clock* const clock_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<Question> questions_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace fedcarbon::node
