#include "fedcarbon/meter/grpc/last_peer.h"

#include <thread>

#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

TEST(LastPeerTest, NobodyUntilSomebodyAnswers) { EXPECT_EQ(LastPeer().Get(), ""); }

TEST(LastPeerTest, LaterAnswerReplacesTheEarlier) {
  LastPeer peer;
  for (const char* node : {"a", "b", "b", "a"}) {
    peer.Set(node);
    EXPECT_EQ(peer.Get(), node);
  }
}

TEST(LastPeerTest, NamesAreKeptUpToTheLimit) {
  LastPeer peer;
  for (size_t i = 1; i <= LastPeer::kMaxNames; ++i) peer.Set("node-" + std::to_string(i));
  EXPECT_EQ(peer.Get(), "node-" + std::to_string(LastPeer::kMaxNames));
  peer.Set("one-more");
  EXPECT_EQ(peer.Get(), "node-" + std::to_string(LastPeer::kMaxNames));
  peer.Set("node-1");
  EXPECT_EQ(peer.Get(), "node-1");
}

// For TSan.
TEST(LastPeerTest, ReadersSeeOnlyNamesThatWereSet) {
  LastPeer peer;
  peer.Set("a");
  std::thread writer([&peer] {
    for (int i = 0; i < 1'000; ++i) peer.Set(i % 2 == 0 ? "b" : "a");
  });
  for (int i = 0; i < 1'000; ++i) {
    const std::string& node = peer.Get();
    EXPECT_TRUE(node == "a" || node == "b") << node;
  }
  writer.join();
}

}  // namespace
}  // namespace fedcarbon
