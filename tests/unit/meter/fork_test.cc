// A child of fork() has none of its parent's threads, and may find its locks held for ever.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/random_id.h"
#include "tests/unit/meter/collector.h"

namespace fedcarbon {
namespace {

constexpr MessageSize kOneByte{Bytes(1), std::nullopt, v1::COUNT_KIND_SERIALIZED};

// What `child` returns, from a forked child that is killed after a minute. Nothing if it did not exit by
// itself.
template <typename F>
std::optional<int> InChild(F child) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    _exit(child());
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return std::nullopt;
  return WEXITSTATUS(status);
}

TEST(ForkTest, TheMeterIsInertInAChildAndEndsThereWithoutItsThread) {
  auto sink = std::make_shared<Collector>();
  MeterOptions options = ManualMeter::Options();
  options.sample_interval = absl::Milliseconds(10);
  auto meter = *Meter::Create(options, sink);
  auto call = meter->StartCall({});
  auto span = std::make_unique<ComputeSpan>(meter, v1::SPAN_KIND_TRAIN);

  // Threads that are inside the meter at the moment of the fork.
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const ComputeSpan busy(meter, v1::SPAN_KIND_TRAIN);
        auto other = meter->StartCall({});
        other->OnMessage(Direction::kSent, kOneByte);
        meter->Sample();
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(InChild([&] {
                if (meter->enabled()) return 1;
                call->OnMessage(Direction::kSent, kOneByte);
                call->SetRound({"run", 0});
                call->End(0);
                call.reset();
                span.reset();
                ComputeSpan another(meter, v1::SPAN_KIND_TRAIN);
                another.End();
                meter->StartCall({})->End(0);
                meter->StartRun("name", 1);
                meter->Sample();
                meter.reset();
                return 0;
              }),
              0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(meter->enabled());
  const size_t before = sink->All<Transfer>().size();
  call->End(0);
  EXPECT_EQ(sink->All<Transfer>().size(), before + 1);
}

TEST(ForkTest, AChildRecordsNothingIntoItsParentsSink) {
  ManualMeter manual;
  const size_t before = manual.sink->size();
  const auto recorded = InChild([&] {
    manual.cpu.Use(absl::Seconds(1));
    manual.meter->StartRun("name", 1);
    manual.meter->StartCall({})->End(0);
    { const ComputeSpan span(manual.meter, v1::SPAN_KIND_TRAIN); }
    manual.meter->Sample();
    manual.meter.reset();
    return static_cast<int>(manual.sink->size() - before);
  });
  EXPECT_EQ(recorded, 0);
}

TEST(ForkTest, AChildMayMeterWithAMeterOfItsOwn) {
  ManualMeter manual;
  auto call = manual.meter->StartCall({});
  manual.meter.reset();  // TSan lets a child start threads only if its parent had none
  const auto transfers = InChild([] {
    auto sink = std::make_shared<Collector>();
    auto meter = *Meter::Create(ManualMeter::Options(), sink);
    meter->StartCall({})->End(0);
    meter.reset();
    return static_cast<int>(sink->All<Transfer>().size());
  });
  EXPECT_EQ(transfers, 1);
}

TEST(ForkTest, NoCallIdIsRepeatedByAChild) {
  RandomId();  // seeds this thread's generator
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(InChild([&] {
              const uint64_t id = RandomId();
              return write(ends[1], &id, sizeof(id)) == sizeof(id) ? 0 : 1;
            }),
            0);
  uint64_t of_child = 0;
  ASSERT_EQ(read(ends[0], &of_child, sizeof(of_child)), static_cast<ssize_t>(sizeof(of_child)));
  EXPECT_NE(RandomId(), of_child);
  close(ends[0]);
  close(ends[1]);
}

TEST(RandomIdTest, ThreadsRepeatNothing) {
  constexpr size_t kIds = 10'000;
  std::vector<std::vector<uint64_t>> drawn(8);
  std::vector<std::thread> threads;
  for (auto& ids : drawn) {
    threads.emplace_back([&ids] {
      for (size_t i = 0; i < kIds; ++i) ids.push_back(RandomId());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint64_t> all;
  for (const auto& ids : drawn) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), 8 * kIds);
  EXPECT_EQ(all.count(0), 0u);
}

}  // namespace
}  // namespace fedcarbon
