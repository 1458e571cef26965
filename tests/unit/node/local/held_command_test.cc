// Each case forks before it has a second thread, as held_command.h asks.
#include "node/local/held_command.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

namespace fedcarbon::node {
namespace {

class HeldCommandTest : public ::testing::Test {
 protected:
  HeldCommandTest() {
    pthread_sigmask(SIG_SETMASK, nullptr, &before_);
    EXPECT_EQ(pipe(said_), 0);
  }
  ~HeldCommandTest() override {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    for (const int end : said_) close(end);
  }

  HeldCommand Fork(const std::string& script) {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);  // as for a process that forks for the first time
    // Descriptor 9 is where it says something.
    EXPECT_EQ(dup2(said_[1], 9), 9);
    absl::StatusOr<HeldCommand> command = HeldCommand::Fork({"sh", "-c", script});
    close(9);
    EXPECT_TRUE(command.ok()) << command.status();
    return *std::move(command);
  }

  int StatusOf(const std::string& script) {
    HeldCommand command = Fork(script);
    EXPECT_TRUE(command.Release().ok());
    return command.Wait().exit_status;
  }

  /// Waits for a line from it.
  void AwaitWord() {
    char word[2];
    EXPECT_EQ(read(said_[0], word, 2), 2);
  }

  bool HasSaidSomething() {
    pollfd waiting{said_[0], POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
  }

  sigset_t before_;
  int said_[2];
};

TEST_F(HeldCommandTest, HasTheCommandsExitStatus) {
  EXPECT_EQ(StatusOf("exit 0"), 0);
  EXPECT_EQ(StatusOf("exit 3"), 3);
  EXPECT_EQ(StatusOf("exit 255"), 255);
  EXPECT_EQ(StatusOf("kill -KILL $$"), 128 + SIGKILL);
  EXPECT_EQ(StatusOf("kill -TERM $$"), 128 + SIGTERM);
}

TEST_F(HeldCommandTest, BeginsOnlyWhenItIsReleased) {
  HeldCommand command = Fork("echo a >&9");
  EXPECT_FALSE(HasSaidSomething());
  EXPECT_TRUE(command.Release().ok());
  EXPECT_EQ(command.Wait().exit_status, 0);
  EXPECT_TRUE(HasSaidSomething());
}

TEST_F(HeldCommandTest, NeverBeginsIfNobodyReleasesIt) {
  { const HeldCommand command = Fork("echo a >&9"); }
  int status = 0;
  EXPECT_GT(wait(&status), 0);
  EXPECT_FALSE(HasSaidSomething());
}

TEST_F(HeldCommandTest, CountsTheProcessorTimeOfItselfAndItsChildren) {
  const std::string loop = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
  HeldCommand idle = Fork("read line < /dev/null; exit 0");
  EXPECT_TRUE(idle.Release().ok());
  const absl::Duration none = idle.Wait().cpu;
  HeldCommand itself = Fork(loop);
  EXPECT_TRUE(itself.Release().ok());
  const absl::Duration own = itself.Wait().cpu;
  EXPECT_GT(own, none);
  HeldCommand with_child = Fork("sh -c '" + loop + "'; exit 0");
  EXPECT_TRUE(with_child.Release().ok());
  EXPECT_GT(with_child.Wait().cpu, none + (own - none) / 4);
}

TEST_F(HeldCommandTest, PassesSignalsOn) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
    const std::string number = std::to_string(signal);
    HeldCommand command =
        Fork("trap 'exit 40' " + number + "; echo a >&9; while :; do read line < /dev/null; done");
    EXPECT_TRUE(command.Release().ok());
    AwaitWord();
    kill(getpid(), signal);
    EXPECT_EQ(command.Wait().exit_status, 40) << "signal " << signal;
  }
}

TEST_F(HeldCommandTest, LeavesSignalsToTheCommandAsTheyWere) {
  HeldCommand command = Fork("kill -USR1 $$; exit 0");
  EXPECT_TRUE(command.Release().ok());
  EXPECT_EQ(command.Wait().exit_status, 128 + SIGUSR1);  // not blocked
}

TEST_F(HeldCommandTest, SaysWhyAProgramCannotBeRun) {
  absl::StatusOr<HeldCommand> missing = HeldCommand::Fork({"/no/such/program"});
  ASSERT_TRUE(missing.ok());
  EXPECT_EQ(missing->Release().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing->Wait().exit_status, 127);
  absl::StatusOr<HeldCommand> folder = HeldCommand::Fork({"/tmp"});
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(folder->Release().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(folder->Wait().exit_status, 126);
}

}  // namespace
}  // namespace fedcarbon::node
