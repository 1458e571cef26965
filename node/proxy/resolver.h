// Names into addresses, on a thread of its own: getaddrinfo blocks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "node/sockets/socket.h"

namespace fedcarbon::node {

/// Thread-safe. A name is looked up again once its answer is older than kReuse. Meanwhile the addresses that
/// it had last go on to be used, as an established client would, until they are older than kMaxAge: then the
/// name may long be somewhere else. While look-ups fail, old addresses are better than none. The destructor
/// drops what still waits; a look-up under way is left to end by itself, and nobody is told what came of it.
class Resolver {
 public:
  static constexpr absl::Duration kReuse = absl::Seconds(5);
  static constexpr absl::Duration kMaxAge = absl::Minutes(1);

  using Done = std::function<void(std::vector<SocketAddress>)>;
  using LookUpName = std::function<std::vector<SocketAddress>(const Address&)>;

  /// `clock` must outlive this. `look_up` may block, and then may still run when this is gone.
  explicit Resolver(LookUpName look_up = LookUp, const Clock* clock = Clock::System());
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `done` with the addresses, none if the name has none: at once where no look-up has to be awaited,
  /// else on the resolver's thread.
  void Resolve(const Address& address, Done done);

 private:
  struct Known {
    std::vector<SocketAddress> addresses;
    // Monotonic: when the addresses came, and when the last look-up ended, which may have failed.
    absl::Duration answered = -absl::InfiniteDuration();
    absl::Duration looked_up = -absl::InfiniteDuration();
    bool is_asked = false;  // it is looked up, or will be next
    std::vector<Done> waiting;
  };

  // Shared with the thread, which may outlive the resolver.
  struct State {
    State(LookUpName look, const Clock* its_clock) : look_up(std::move(look)), clock(its_clock) {}

    const LookUpName look_up;
    const Clock* const clock;
    Mutex mutex;
    CondVar changed;
    std::deque<Address> asked ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<std::string, Known> known ABSL_GUARDED_BY(mutex);
    bool is_looking_up ABSL_GUARDED_BY(mutex) = false;
    bool is_stopping ABSL_GUARDED_BY(mutex) = false;
  };

  static void Run(State* state);

  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace fedcarbon::node
