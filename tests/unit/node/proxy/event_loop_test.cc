#include "node/proxy/event_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fedcarbon::node {
namespace {

using ::testing::ElementsAre;

class Handler : public EventHandler {
 public:
  explicit Handler(std::function<void(uint32_t events)> hear) : hear_(std::move(hear)) {}
  void OnEvents(uint32_t events) override { hear_(events); }

 private:
  const std::function<void(uint32_t)> hear_;
};

/// Two ends that are connected.
struct Ends {
  Ends() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    near = FileDescriptor(fds[0]);
    far = FileDescriptor(fds[1]);
  }
  void Arrive() { EXPECT_EQ(write(far.get(), "x", 1), 1); }

  FileDescriptor near, far;
};

class EventLoopTest : public ::testing::Test {
 protected:
  void Run() {
    loop_->Run(absl::Hours(1), [] {});
  }

  const std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
};

TEST_F(EventLoopTest, RunsWhatIsPostedInOrderOnItsThread) {
  std::vector<int> ran;
  const std::thread::id here = std::this_thread::get_id();
  std::thread poster([&] {
    for (int i = 0; i < 3; ++i) {
      loop_->Post([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        ran.push_back(i);
      });
    }
    loop_->Post([&] { loop_->Stop(); });
  });
  Run();
  poster.join();
  EXPECT_THAT(ran, ElementsAre(0, 1, 2));
}

TEST_F(EventLoopTest, RunsWhatAPostedTaskPosts) {
  int ran = 0;
  std::function<void()> again = [&] { ++ran < 100 ? loop_->Post(again) : loop_->Stop(); };
  loop_->Post(again);
  Run();
  EXPECT_EQ(ran, 100);
}

TEST_F(EventLoopTest, TakesPostsOfSeveralThreads) {
  int ran = 0;
  std::vector<std::thread> posters;
  for (int i = 0; i < 4; ++i) {
    posters.emplace_back([&] {
      for (int j = 0; j < 1'000; ++j) {
        loop_->Post([&] {
          if (++ran == 4'000) loop_->Stop();
        });
      }
    });
  }
  Run();
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(ran, 4'000);
}

TEST_F(EventLoopTest, TicksAgainAndAgain) {
  int ticks = 0;
  loop_->Run(absl::Milliseconds(5), [&] {
    if (++ticks == 3) loop_->Stop();
  });
  EXPECT_EQ(ticks, 3);
}

TEST_F(EventLoopTest, TellsOfEachChangeOnce) {
  Ends ends;
  std::vector<bool> readable;
  Handler handler([&](uint32_t events) { readable.push_back((events & EPOLLIN) != 0); });
  ASSERT_TRUE(loop_->Watch(ends.near.get(), &handler));  // writable: the first event
  loop_->Post([&] {
    ends.Arrive();
    // An event comes with the next look at the kernel; what is not read is not told of again.
    loop_->Post([&] { loop_->Post([&] { loop_->Post([&] { loop_->Stop(); }); }); });
  });
  Run();
  EXPECT_THAT(readable, ElementsAre(false, true));
}

TEST_F(EventLoopTest, TellsOfTheEnd) {
  Ends ends;
  uint32_t heard = 0;
  Handler handler([&](uint32_t events) {
    heard |= events;
    if ((events & EPOLLRDHUP) != 0) loop_->Stop();
  });
  ASSERT_TRUE(loop_->Watch(ends.near.get(), &handler));
  loop_->Post([&] { shutdown(ends.far.get(), SHUT_WR); });
  Run();
  EXPECT_NE(heard & EPOLLRDHUP, 0u);
}

TEST_F(EventLoopTest, CallsNobodyWhoWasForgottenInTheSameBatch) {
  Ends one, other;
  int calls = 0;
  std::unique_ptr<Handler> first, second;
  const auto forget = [&](Ends* ends, std::unique_ptr<Handler>* handler) {
    return [=, &calls](uint32_t) {
      ++calls;
      loop_->Forget(ends->near.get(), handler->get());
      handler->reset();  // a call would be one of what is gone
      loop_->Post([this] { loop_->Post([this] { loop_->Stop(); }); });
    };
  };
  first = std::make_unique<Handler>(forget(&other, &second));
  second = std::make_unique<Handler>(forget(&one, &first));
  ASSERT_TRUE(loop_->Watch(one.near.get(), first.get()));
  ASSERT_TRUE(loop_->Watch(other.near.get(), second.get()));
  Run();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, GivesARequeuedHandlerItsTurnAfterTheOthers) {
  Ends busy, other;
  std::vector<std::string> turns;
  Handler busy_handler([&](uint32_t events) {
    turns.push_back(events != 0 ? "busy" : "busy again");
    if (turns.size() == 5) return loop_->Stop();
    loop_->Requeue(&busy_handler);
    loop_->Requeue(&busy_handler);  // has no more turns for that
    if (turns.size() == 2) other.Arrive();
  });
  Handler other_handler([&](uint32_t events) {
    if ((events & EPOLLIN) != 0) turns.push_back("other");
  });
  ASSERT_TRUE(loop_->Watch(other.near.get(), &other_handler));
  ASSERT_TRUE(loop_->Watch(busy.near.get(), &busy_handler));
  Run();
  EXPECT_THAT(turns, ElementsAre("busy", "busy again", "other", "busy again", "busy again"));
}

TEST_F(EventLoopTest, CallsNoRequeuedHandlerThatWasForgotten) {
  Ends one, other, queued;
  int calls = 0;
  Handler forgotten([&](uint32_t events) {
    if (events == 0) ++calls;
  });
  Handler forgets([&](uint32_t events) {
    if (events != 0) return;
    loop_->Forget(queued.near.get(), &forgotten);
    loop_->Post([&] { loop_->Post([&] { loop_->Stop(); }); });
  });
  ASSERT_TRUE(loop_->Watch(queued.near.get(), &forgotten));
  // Both are in the same turn, `forgotten` after the one that has it forgotten.
  loop_->Requeue(&forgets);
  loop_->Requeue(&forgotten);
  Run();
  EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, ForgetsOneThatHadItsTurnAndAskedForTheNext) {
  Ends ends;
  int calls = 0;
  Handler handler([&](uint32_t events) {
    if (events != 0) return;
    ++calls;
    loop_->Requeue(&handler);
    if (calls < 3) return;
    loop_->Forget(ends.near.get(), &handler);
    loop_->Post([&] { loop_->Post([&] { loop_->Stop(); }); });
  });
  ASSERT_TRUE(loop_->Watch(ends.near.get(), &handler));
  loop_->Requeue(&handler);
  Run();
  EXPECT_EQ(calls, 3);
}

TEST_F(EventLoopTest, CallsOnceWhoeverIsRequeuedBeforeHisTurn) {
  std::vector<std::string> turns;
  Handler later([&](uint32_t) { turns.push_back("later"); });
  Handler asks([&](uint32_t) {
    turns.push_back("asks");
    loop_->Requeue(&later);  // which waits for this turn already
    loop_->Post([&] { loop_->Post([&] { loop_->Stop(); }); });
  });
  loop_->Requeue(&asks);
  loop_->Requeue(&later);
  Run();
  EXPECT_THAT(turns, ElementsAre("asks", "later"));
}

TEST_F(EventLoopTest, RunsNothingOnceItHasStopped) {
  loop_->Stop();
  Run();
  bool ran = false;
  loop_->Post([&] { ran = true; });
  Run();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace fedcarbon::node
