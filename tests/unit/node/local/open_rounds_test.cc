#include "node/local/open_rounds.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

namespace fedcarbon::node {
namespace {

const RoundId kNoRun;
const RoundId kOpenRun{"run", std::nullopt};
const RoundId kRound0{"run", 0};
const RoundId kRound1{"run", 1};

TEST(OpenRoundsTest, TheOneThatIsOpenCounts) {
  OpenRounds rounds;
  EXPECT_EQ(rounds.Current(), kNoRun);
  rounds.Enter(kOpenRun);
  EXPECT_EQ(rounds.Current(), kOpenRun);
  rounds.Enter(kRound0);
  EXPECT_EQ(rounds.Current(), kRound0);
  rounds.Leave(kRound0);
  EXPECT_EQ(rounds.Current(), kOpenRun);
  rounds.Leave(kOpenRun);
  EXPECT_EQ(rounds.Current(), kNoRun);
}

TEST(OpenRoundsTest, ScriptsShareARound) {
  OpenRounds rounds;
  rounds.Enter(kRound1);
  rounds.Enter(kRound1);
  rounds.Leave(kRound1);
  EXPECT_EQ(rounds.Current(), kRound1);
  rounds.Leave(kRound1);
  EXPECT_EQ(rounds.Current(), kNoRun);
}

TEST(OpenRoundsTest, OfSeveralRoundsOnlyTheRunIsSure) {
  OpenRounds rounds;
  rounds.Enter(kRound0);
  rounds.Enter(kOpenRun);
  EXPECT_EQ(rounds.Current(), kRound0);
  rounds.Enter(kRound1);
  EXPECT_EQ(rounds.Current(), kOpenRun);
  rounds.Leave(kRound0);
  EXPECT_EQ(rounds.Current(), kRound1);
}

TEST(OpenRoundsTest, OfSeveralRunsNothingIsSure) {
  OpenRounds rounds;
  rounds.Enter(kRound0);
  rounds.Enter({"another", 0});
  EXPECT_EQ(rounds.Current(), kNoRun);
  rounds.Leave(kRound0);
  EXPECT_EQ(rounds.Current(), (RoundId{"another", 0}));
}

TEST(OpenRoundsTest, ThreadsAskWhileScriptsComeAndGo) {
  OpenRounds rounds;
  std::atomic<bool> done{false};
  std::thread asking([&] {
    while (!done) {
      const RoundId current = rounds.Current();
      EXPECT_TRUE(current == kNoRun || current == kRound0 || current == kRound1 || current == kOpenRun);
    }
  });
  for (int i = 0; i < 1'000; ++i) {
    rounds.Enter(kRound0);
    rounds.Enter(kRound1);
    rounds.Leave(kRound0);
    rounds.Leave(kRound1);
  }
  done = true;
  asking.join();
}

}  // namespace
}  // namespace fedcarbon::node
