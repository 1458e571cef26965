#include "node/proxy/resolver.h"

#include <pthread.h>

#include <utility>

#include "fedcarbon/meter/cpu_clock.h"

namespace fedcarbon::node {

Resolver::Resolver(LookUpName look_up, const Clock* clock)
    : state_(std::make_shared<State>(std::move(look_up), clock)),
      thread_([state = state_] { Run(state.get()); }) {}

Resolver::~Resolver() {
  bool is_looking_up;
  {
    MutexLock lock(&state_->mutex);
    state_->is_stopping = true;
    is_looking_up = state_->is_looking_up;
  }
  state_->changed.NotifyAll();
  if (is_looking_up) {
    thread_.detach();  // getaddrinfo may take a minute, and cannot be told to stop
  } else {
    thread_.join();
  }
}

void Resolver::Resolve(const Address& address, Done done) {
  std::vector<SocketAddress> addresses;
  {
    MutexLock lock(&state_->mutex);
    Known& known = state_->known[address.text()];
    const absl::Duration now = state_->clock->Monotonic();
    if (!known.is_asked && now - known.looked_up >= kReuse) {
      known.is_asked = true;
      state_->asked.push_back(address);
      state_->changed.NotifyAll();
    }
    if (known.is_asked && now - known.answered >= kMaxAge) {
      known.waiting.push_back(std::move(done));
      return;
    }
    addresses = known.addresses;
  }
  done(std::move(addresses));
}

void Resolver::Run(State* state) {
  const OwnThread own;
  pthread_setname_np(pthread_self(), "fedcarbon-names");
  while (true) {
    Address address;
    {
      MutexLock lock(&state->mutex);
      while (state->asked.empty() && !state->is_stopping) state->changed.Wait(&state->mutex);
      if (state->is_stopping) return;
      address = std::move(state->asked.front());
      state->asked.pop_front();
      state->is_looking_up = true;
    }
    std::vector<SocketAddress> addresses = state->look_up(address);
    std::vector<Done> waiting;
    {
      MutexLock lock(&state->mutex);
      if (state->is_stopping) return;
      state->is_looking_up = false;
      Known& known = state->known[address.text()];
      known.is_asked = false;
      known.looked_up = state->clock->Monotonic();
      if (!addresses.empty()) {
        known.addresses = std::move(addresses);
        known.answered = known.looked_up;
      }
      addresses = known.addresses;
      waiting.swap(known.waiting);
    }
    for (const Done& done : waiting) done(addresses);
  }
}

}  // namespace fedcarbon::node
