#include "fedcarbon/lru/lru.h"

#include <gtest/gtest.h>

#include <string>

namespace fedcarbon {
namespace {

TEST(LruTest, ForgetsWhatWasUsedLongestAgoPastItsBound) {
  Lru<int, std::string> lru(3);
  lru.Put(1, "one");
  lru.Put(2, "two");
  lru.Put(3, "three");
  EXPECT_EQ(lru.size(), 3u);
  ASSERT_NE(lru.Find(1), nullptr);  // used again
  lru.Put(4, "four");
  EXPECT_EQ(lru.size(), 3u);
  EXPECT_EQ(lru.Find(2), nullptr);
  EXPECT_EQ(*lru.Find(1), "one");
  EXPECT_EQ(*lru.Find(3), "three");
  EXPECT_EQ(*lru.Find(4), "four");
}

TEST(LruTest, PutsInPlaceOfWhatWasThere) {
  Lru<int, std::string> lru(2);
  lru.Put(1, "one");
  lru.Put(2, "two");
  lru.Put(1, "uno");
  EXPECT_EQ(lru.size(), 2u);
  EXPECT_EQ(*lru.Find(1), "uno");
  lru.Put(3, "three");
  EXPECT_EQ(lru.Find(2), nullptr) << "putting uses";
}

TEST(LruTest, Erases) {
  Lru<int, int> lru(1);
  lru.Put(1, 1);
  lru.Erase(2);
  lru.Erase(1);
  EXPECT_EQ(lru.Find(1), nullptr);
  lru.Put(2, 2);
  EXPECT_EQ(*lru.Find(2), 2);
}

TEST(LruTest, GivesWhatWasNotUsedLongest) {
  Lru<int, std::string> lru(3);
  lru.Put(1, "one");
  lru.Put(2, "two");
  lru.Find(1);
  EXPECT_EQ(lru.TakeOldest(), "two");
  EXPECT_EQ(lru.Find(2), nullptr);
  EXPECT_EQ(lru.TakeOldest(), "one");
  EXPECT_EQ(lru.size(), 0u);
}

}  // namespace
}  // namespace fedcarbon
