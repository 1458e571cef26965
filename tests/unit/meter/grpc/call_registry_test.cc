#include "fedcarbon/meter/grpc/call_registry.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/meter/grpc/metered_node.h"

namespace fedcarbon::test {
namespace {

TEST(CallRegistryTest, FindsACallUntilItIsRemoved) {
  const MeteredNode node("a.test");
  const int context = 0;
  const auto call = node.meter->StartCall({});
  CallRegistry& registry = CallRegistry::Get();
  EXPECT_EQ(registry.Find(&context), nullptr);
  registry.Add(&context, call);
  EXPECT_EQ(registry.Find(&context), call);
  registry.Remove(&context, call.get());
  EXPECT_EQ(registry.Find(&context), nullptr);
}

TEST(CallRegistryTest, LateRemovalLeavesTheNextCallOfTheSameContext) {
  const MeteredNode node("a.test");
  const int context = 0;
  const auto first = node.meter->StartCall({});
  const auto second = node.meter->StartCall({});
  CallRegistry& registry = CallRegistry::Get();
  registry.Add(&context, first);
  registry.Add(&context, second);
  registry.Remove(&context, first.get());
  EXPECT_EQ(registry.Find(&context), second);
  registry.Remove(&context, second.get());
}

TEST(CallRegistryTest, ManyThreadsEachFindTheirOwn) {
  const MeteredNode node("a.test");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      std::vector<int> contexts(1'000);
      const auto call = node.meter->StartCall({});
      CallRegistry& registry = CallRegistry::Get();
      for (const int& context : contexts) registry.Add(&context, call);
      for (const int& context : contexts) EXPECT_EQ(registry.Find(&context), call);
      for (const int& context : contexts) registry.Remove(&context, call.get());
      for (const int& context : contexts) EXPECT_EQ(registry.Find(&context), nullptr);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace fedcarbon::test
