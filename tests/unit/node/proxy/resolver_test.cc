#include "node/proxy/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fedcarbon/sync/mutex.h"
#include "tests/unit/node/proxy/sockets.h"

namespace fedcarbon::node {
namespace {

using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::IsEmpty;

/// Addresses that differ in their port, which is how they are told apart here.
std::vector<SocketAddress> Addresses(const std::vector<uint16_t>& ports) {
  std::vector<SocketAddress> addresses;
  for (const uint16_t port : ports) {
    SocketAddress& address = addresses.emplace_back();
    reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
  }
  return addresses;
}

std::vector<uint16_t> Ports(const std::vector<SocketAddress>& addresses) {
  std::vector<uint16_t> ports;
  for (const SocketAddress& address : addresses) {
    ports.push_back(ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port));
  }
  return ports;
}

/// A name service that says what it is told to, and can be made to wait.
class FakeNames {
 public:
  std::vector<SocketAddress> LookUp(const Address& address) {
    MutexLock lock(&mutex_);
    asked_.push_back(address.text());
    changed_.NotifyAll();
    while (is_waiting_) changed_.Wait(&mutex_);
    return Addresses(answer_);
  }

  void Answer(std::vector<uint16_t> ports) {
    MutexLock lock(&mutex_);
    answer_ = std::move(ports);
  }
  void SetWaiting(bool is_waiting) {
    MutexLock lock(&mutex_);
    is_waiting_ = is_waiting;
    changed_.NotifyAll();
  }
  void AwaitAsked(size_t times) {
    MutexLock lock(&mutex_);
    while (asked_.size() < times) changed_.Wait(&mutex_);
  }
  std::vector<std::string> asked() const {
    MutexLock lock(&mutex_);
    return asked_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint16_t> answer_ ABSL_GUARDED_BY(mutex_);
  bool is_waiting_ ABSL_GUARDED_BY(mutex_) = false;
};

/// An answer that comes some time.
class Promise {
 public:
  Resolver::Done Done() {
    return [this](std::vector<SocketAddress> addresses) {
      MutexLock lock(&mutex_);
      ports_ = Ports(addresses);
      thread_ = std::this_thread::get_id();
      is_kept_ = true;
      changed_.NotifyAll();
    };
  }

  std::vector<uint16_t> Await() {
    MutexLock lock(&mutex_);
    while (!is_kept_) changed_.Wait(&mutex_);
    return ports_;
  }
  bool is_kept() const {
    MutexLock lock(&mutex_);
    return is_kept_;
  }
  bool came_at_once() const {
    MutexLock lock(&mutex_);
    return thread_ == std::this_thread::get_id();
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool is_kept_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<uint16_t> ports_ ABSL_GUARDED_BY(mutex_);
  std::thread::id thread_ ABSL_GUARDED_BY(mutex_);
};

class ResolverTest : public ::testing::Test {
 protected:
  std::vector<uint16_t> Resolve(const Address& address) {
    Promise promise;
    resolver_->Resolve(address, promise.Done());
    return promise.Await();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::shared_ptr<FakeNames> names_ = std::make_shared<FakeNames>();  // a look-up may outlive the test
  std::unique_ptr<Resolver> resolver_ = std::make_unique<Resolver>(
      [names = names_](const Address& address) { return names->LookUp(address); }, &clock_);
};

const Address kUpstream{"fl.example.org", 9092};

TEST_F(ResolverTest, TellsWhatTheNameHasInItsOrder) {
  names_->Answer({3, 1, 2});
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(3, 1, 2));
}

TEST_F(ResolverTest, TellsThatANameHasNone) { EXPECT_THAT(Resolve(kUpstream), IsEmpty()); }

TEST_F(ResolverTest, UsesAnAnswerForSomeTimeAndThenAsksAgain) {
  names_->Answer({1});
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
  names_->Answer({2});
  clock_.Advance(Resolver::kReuse - absl::Nanoseconds(1));
  Promise reused;
  resolver_->Resolve(kUpstream, reused.Done());
  EXPECT_TRUE(reused.came_at_once());
  EXPECT_THAT(reused.Await(), ElementsAre(1));

  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_TRUE(Eventually([&] { return Resolve(kUpstream) == std::vector<uint16_t>{2}; }));
  EXPECT_EQ(names_->asked().size(), 2u);
}

TEST_F(ResolverTest, LetsNobodyWaitWhoseNameHadAddressesBefore) {
  names_->Answer({1});
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
  clock_.Advance(Resolver::kMaxAge - absl::Nanoseconds(1));
  names_->SetWaiting(true);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
  names_->AwaitAsked(2);
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
  names_->Answer({2});
  names_->SetWaiting(false);
  EXPECT_TRUE(Eventually([&] { return Resolve(kUpstream) == std::vector<uint16_t>{2}; }));
  EXPECT_EQ(names_->asked().size(), 2u);
}

TEST_F(ResolverTest, LetsThoseWaitWhoseAddressesAreTooOld) {
  names_->Answer({1});
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
  clock_.Advance(Resolver::kMaxAge);
  names_->Answer({2});
  names_->SetWaiting(true);
  Promise first, second;
  resolver_->Resolve(kUpstream, first.Done());
  names_->AwaitAsked(2);
  resolver_->Resolve(kUpstream, second.Done());
  EXPECT_FALSE(first.is_kept());
  EXPECT_FALSE(second.is_kept());
  names_->SetWaiting(false);
  EXPECT_THAT(first.Await(), ElementsAre(2));
  EXPECT_THAT(second.Await(), ElementsAre(2));
}

// Addresses grow old by the time since they came, not since they were last looked for.
TEST_F(ResolverTest, UsesOldAddressesOnlyOnceALookUpHasFailed) {
  names_->Answer({1});
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
  names_->Answer({});
  clock_.Advance(Resolver::kMaxAge - Resolver::kReuse);
  Resolve(kUpstream);  // asks
  Promise failed;
  resolver_->Resolve({"other.example.org", 9092}, failed.Done());
  failed.Await();  // and so does what was asked before

  clock_.Advance(Resolver::kReuse);
  names_->SetWaiting(true);
  Promise waits;
  resolver_->Resolve(kUpstream, waits.Done());
  names_->AwaitAsked(4);
  EXPECT_FALSE(waits.is_kept());
  names_->SetWaiting(false);
  EXPECT_THAT(waits.Await(), ElementsAre(1));
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
  EXPECT_EQ(names_->asked().size(), 4u);
}

TEST_F(ResolverTest, AsksAgainForANameThatHadNone) {
  EXPECT_THAT(Resolve(kUpstream), IsEmpty());
  names_->Answer({1});
  EXPECT_THAT(Resolve(kUpstream), IsEmpty());
  clock_.Advance(Resolver::kReuse);
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1));
}

TEST_F(ResolverTest, KeepsTheLastAddressesWhileLookUpsFail) {
  names_->Answer({1, 2});
  EXPECT_THAT(Resolve(kUpstream), ElementsAre(1, 2));
  names_->Answer({});
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(Resolver::kReuse);
    EXPECT_THAT(Resolve(kUpstream), ElementsAre(1, 2));
    return names_->asked().size() >= 4;
  }));
  names_->Answer({3});
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(Resolver::kReuse);
    return Resolve(kUpstream) == std::vector<uint16_t>{3};
  }));
}

TEST_F(ResolverTest, AsksForEachNameAndPort) {
  names_->Answer({1});
  Resolve(kUpstream);
  Resolve({"fl.example.org", 9093});
  Resolve({"other.example.org", 9092});
  EXPECT_THAT(names_->asked(),
              ElementsAre("fl.example.org:9092", "fl.example.org:9093", "other.example.org:9092"));
}

TEST_F(ResolverTest, AsksOnceForAllThatWait) {
  names_->Answer({1});
  names_->SetWaiting(true);
  Promise first;
  resolver_->Resolve(kUpstream, first.Done());
  names_->AwaitAsked(1);
  std::deque<Promise> others(10);
  for (Promise& other : others) resolver_->Resolve(kUpstream, other.Done());
  names_->SetWaiting(false);
  for (Promise& other : others) EXPECT_THAT(other.Await(), ElementsAre(1));
  EXPECT_EQ(names_->asked().size(), 1u);
}

TEST_F(ResolverTest, DropsWhatWaitsWhenItEnds) {
  names_->SetWaiting(true);
  Promise asked, waits;
  resolver_->Resolve(kUpstream, asked.Done());
  names_->AwaitAsked(1);
  resolver_->Resolve({"other.example.org", 9092}, waits.Done());
  resolver_.reset();  // while the look-up still waits
  EXPECT_FALSE(asked.is_kept());
  EXPECT_FALSE(waits.is_kept());
  names_->SetWaiting(false);
}

}  // namespace
}  // namespace fedcarbon::node
