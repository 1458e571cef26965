// A reader that does not read: how much the proxy takes before it lets the writer wait, and that nothing is
// lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/node/proxy/running_proxy.h"

namespace fedcarbon::node {
namespace {

using testing::Ending;
using testing::Eventually;
using testing::ListenerTo;
using testing::OptionsFor;
using testing::Pair;
using testing::RandomBytes;
using testing::RunningProxy;
using testing::Server;
using testing::Socket;

constexpr int kSmallKernelBuffer = 8'192;
constexpr size_t kMinRead = 16 << 10;  // what each direction may hold whatever the others do

/// One direction of a connection, by the one who writes and the one who does not read.
struct Stalled {
  Stalled(const RunningProxy& proxy, Server* upstream, End writing_end)
      : client(Socket::Connect(proxy.endpoint(), kSmallKernelBuffer)),
        server(upstream->Accept()),
        writer(writing_end == End::kClient ? &client : &server),
        reader(writing_end == End::kClient ? &server : &client) {}

  Socket client, server;
  Socket* const writer;
  Socket* const reader;
  std::string taken;  // from the writer
};

class BackpressureTest : public ::testing::TestWithParam<End> {
 protected:
  /// Offers bytes to all until none takes any more, and watches meanwhile what the proxy holds.
  void Fill(RunningProxy* proxy, const std::vector<std::unique_ptr<Stalled>>& all) {
    const std::string bytes = RandomBytes(1 << 20);
    int idle_looks = 0;
    EXPECT_TRUE(Eventually([&] {
      size_t taken = 0;
      for (const std::unique_ptr<Stalled>& each : all) {
        const size_t at = each->taken.size() % bytes.size();
        const size_t more = each->writer->SendAvailable(std::string_view(bytes).substr(at));
        each->taken += bytes.substr(at, more);
        taken += more;
      }
      most_held_ = std::max<int64_t>(most_held_, proxy->metrics.held_bytes);
      idle_looks = taken == 0 ? idle_looks + 1 : 0;
      return idle_looks == 100;
    }));
  }

  int64_t most_held_ = 0;
};

TEST_P(BackpressureTest, HoldsNoMoreOfOneThanItsShareAndLosesNothing) {
  Server upstream;
  upstream.SetReceiveBuffer(kSmallKernelBuffer);
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.buffer = Bytes(64 << 10);
  RunningProxy proxy(options);
  std::vector<std::unique_ptr<Stalled>> one;
  one.push_back(std::make_unique<Stalled>(proxy, &upstream, GetParam()));
  Fill(&proxy, one);
  EXPECT_GT(most_held_, 0);
  EXPECT_LE(most_held_, static_cast<int64_t>(kMinRead));

  one[0]->writer->FinishSending();
  EXPECT_TRUE(one[0]->reader->ReceiveAll() == one[0]->taken);
  EXPECT_EQ(one[0]->reader->ending(), Ending::kFin);
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.held_bytes == 0; }));
}

TEST_P(BackpressureTest, BoundsWhatAllHoldTogether) {
  constexpr size_t kConnections = 12;
  constexpr int64_t kBuffer = 256 << 10;
  Server upstream;
  upstream.SetReceiveBuffer(kSmallKernelBuffer);
  ProxyOptions options = OptionsFor(ListenerTo(upstream.endpoint()));
  options.buffer = Bytes(kBuffer);
  RunningProxy proxy(options);
  std::vector<std::unique_ptr<Stalled>> all;
  for (size_t i = 0; i < kConnections; ++i) {
    all.push_back(std::make_unique<Stalled>(proxy, &upstream, GetParam()));
  }
  Fill(&proxy, all);
  EXPECT_GT(most_held_, kBuffer / 2);  // the budget is used
  EXPECT_LE(most_held_, kBuffer + static_cast<int64_t>(kConnections * kMinRead));

  // Another connection does not notice.
  Pair other(proxy, &upstream);
  const std::string bytes = RandomBytes(2'000'000);
  std::thread sender([&] { EXPECT_TRUE(other.client.Send(bytes)); });
  EXPECT_TRUE(other.server.Receive(bytes.size()) == bytes);
  sender.join();

  for (const std::unique_ptr<Stalled>& each : all) {
    each->writer->FinishSending();
    EXPECT_TRUE(each->reader->ReceiveAll() == each->taken);
  }
  EXPECT_TRUE(Eventually([&] { return proxy.metrics.held_bytes == 0; }));
}

TEST_P(BackpressureTest, DropsWhatItHoldsForAReaderThatResets) {
  Server upstream;
  upstream.SetReceiveBuffer(kSmallKernelBuffer);
  RunningProxy proxy(upstream.endpoint());
  std::vector<std::unique_ptr<Stalled>> one;
  one.push_back(std::make_unique<Stalled>(proxy, &upstream, GetParam()));
  Fill(&proxy, one);
  one[0]->reader->CloseWithReset();
  EXPECT_EQ(one[0]->writer->AwaitEnding(), Ending::kReset);
  EXPECT_TRUE(proxy.AwaitOpen(0));
  EXPECT_EQ(proxy.metrics.held_bytes, 0);
}

TEST_P(BackpressureTest, PassesOnAWritersResetPastAReaderThatWaits) {
  Server upstream;
  upstream.SetReceiveBuffer(kSmallKernelBuffer);
  RunningProxy proxy(upstream.endpoint());
  std::vector<std::unique_ptr<Stalled>> one;
  one.push_back(std::make_unique<Stalled>(proxy, &upstream, GetParam()));
  Fill(&proxy, one);
  one[0]->writer->CloseWithReset();
  EXPECT_TRUE(proxy.AwaitOpen(0));
  one[0]->reader->ReceiveAll();
  EXPECT_EQ(one[0]->reader->ending(), Ending::kReset);
  EXPECT_EQ(proxy.metrics.held_bytes, 0);
}

INSTANTIATE_TEST_SUITE_P(Ends, BackpressureTest, ::testing::Values(End::kClient, End::kServer),
                         [](const auto& writing_end) {
                           return writing_end.param == End::kClient ? "Up" : "Down";
                         });

}  // namespace
}  // namespace fedcarbon::node
