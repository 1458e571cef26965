#include "node/proxy/resolver.h"

#include <pthread.h>

#include <utility>

#include "fedcarbon/meter/cpu_clock.h"

namespace fedcarbon::node {

Resolver::Resolver(LookUpName look_up, const Clock* clock)
    : look_up_(std::move(look_up)), clock_(clock), thread_([this] { Run(); }) {}

Resolver::~Resolver() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

void Resolver::Resolve(const Address& address, Done done) {
  std::vector<SocketAddress> addresses;
  {
    MutexLock lock(&mutex_);
    const auto known = known_.find(address.text());
    const bool is_fresh = known != known_.end() && clock_->Monotonic() - known->second.since < kReuse;
    if (!is_fresh) {
      questions_.push_back({address, std::move(done)});
      changed_.NotifyAll();
      return;
    }
    addresses = known->second.addresses;
  }
  done(std::move(addresses));
}

void Resolver::Run() {
  const OwnThread own;
  pthread_setname_np(pthread_self(), "fedcarbon-names");
  while (true) {
    std::vector<Question> questions;
    {
      MutexLock lock(&mutex_);
      while (questions_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      questions.swap(questions_);
    }
    // Many connections that come at once ask the same.
    absl::flat_hash_map<std::string, std::vector<SocketAddress>> answers;
    for (Question& question : questions) {
      const auto [answer, is_new] = answers.try_emplace(question.address.text());
      if (is_new) answer->second = Answer(question.address);
      question.done(answer->second);
    }
  }
}

std::vector<SocketAddress> Resolver::Answer(const Address& address) {
  std::vector<SocketAddress> found = look_up_(address);
  MutexLock lock(&mutex_);
  Known& known = known_[address.text()];
  known.since = clock_->Monotonic();
  if (!found.empty()) known.addresses = std::move(found);
  return known.addresses;
}

}  // namespace fedcarbon::node
