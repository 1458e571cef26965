#include "node/proxy/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/wire/connection_decoder.h"
#include "tests/unit/node/proxy/running_proxy.h"
#include "tests/unit/node/wire/http2_frames.h"
#include "tests/unit/node/wire/websocket_frames.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

/// Reads as large as they may be, of traffic with so many bytes for each step; of the last one, its steps.
uint64_t Read(Pace* pace, size_t bytes_per_step, int times) {
  uint64_t steps = 0;
  for (int i = 0; i < times; ++i) {
    steps = pace->read_size() / bytes_per_step;
    pace->Passed(pace->read_size(), steps);
  }
  return steps;
}

TEST(PaceTest, GrowsWithWhatIsCheapToDecode) {
  Pace pace;
  EXPECT_EQ(pace.read_size(), Pace::kFirstRead);
  pace.Passed(1'000, 0);
  EXPECT_EQ(pace.read_size(), Pace::kFirstRead + 1'000);
  Read(&pace, 1'000, 5);
  EXPECT_EQ(pace.read_size(), Pace::kMaxRead);
}

TEST(PaceTest, ReadsOfSmallFramesTakeABoundedNumberOfSteps) {
  for (const size_t bytes_per_step : {1, 2, 5, 9, 20, 60}) {
    SCOPED_TRACE(bytes_per_step);
    Pace fresh, grown;
    Read(&grown, 1'000, 5);
    for (Pace* pace : {&fresh, &grown}) {
      Read(pace, bytes_per_step, 1);
      EXPECT_LE(Read(pace, bytes_per_step, 10), std::max(Pace::kSteps, Pace::kMinRead / bytes_per_step));
    }
  }
}

TEST(PaceTest, SmallReadsOfFramesAloneChangeNothing) {
  Pace pace;
  Read(&pace, 1'000, 5);
  pace.Passed(24, 16);
  EXPECT_EQ(pace.read_size(), Pace::kMaxRead);
  pace.Passed(Pace::kMaxRead, Pace::kMaxRead);
  for (int i = 0; i < 100'000; ++i) pace.Passed(24, 16);
  EXPECT_LE(pace.read_size(), 2 * Pace::kMinRead) << "nor do they earn a large one";
}

TEST(PaceTest, RecoversWhereFramesAreLargeAgain) {
  Pace pace;
  Read(&pace, 1, 3);
  EXPECT_EQ(pace.read_size(), Pace::kMinRead);
  Read(&pace, 1'000, 6);
  EXPECT_EQ(pace.read_size(), Pace::kMaxRead);
}

/// Counts all that is told.
class Counter : public ConnectionListener {
 public:
  void OnProtocol(Protocol) override {}
  std::unique_ptr<CallListener> OnCall(const HeaderBlock&) override {
    ++events;
    return std::make_unique<Call>(this);
  }
  void OnGap(const char*, bool whole_connection) override {
    ++events;
    EXPECT_FALSE(whole_connection);
  }

  uint64_t events = 0;

 private:
  class Call : public CallListener {
   public:
    explicit Call(Counter* counter) : counter_(counter) {}
    void OnHeaders(End, const HeaderBlock&) override { ++counter_->events; }
    void OnContent(End, std::string_view) override { ++counter_->events; }
    void OnMessage(End, const MessagePiece&) override { ++counter_->events; }
    void OnEnd(int) override { ++counter_->events; }

   private:
    Counter* const counter_;
  };
};

/// A connection that is open, and what one side sends of it then, again and again.
struct Flood {
  const char* name;
  std::string client, server;
  End from;
  std::function<std::string(uint32_t turn)> next;
};

std::vector<Flood> Floods() {
  Encoder encoder;
  const Fields grpc = {{":method", "POST"}, {":path", "/a/b"}, {"content-type", "application/grpc"}};
  const std::string http2 = std::string(kPreface) + Settings() + Headers(1, encoder.Encode(grpc));
  const std::string call = encoder.Encode(grpc);
  std::string messages;
  for (int i = 0; i < 3'000; ++i) messages += GrpcMessage("");
  const std::string post = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const std::string ask = "GET / HTTP/1.1\r\n" + upgrade, agree = "HTTP/1.1 101 Fine\r\n" + upgrade;
  return {
      {"calls", http2, Settings(), End::kClient, [=](uint32_t i) { return Headers(2 * i + 3, call); }},
      {"resets", http2, Settings(), End::kClient,
       [=](uint32_t i) { return Headers(2 * i + 3, call) + RstStream(2 * i + 3, 8); }},
      {"empty frames", http2, Settings(), End::kClient, [](uint32_t) { return Data(1, ""); }},
      {"bytes in frames", http2, Settings(), End::kClient,
       [](uint32_t) { return Data(1, std::string(1, '\0')); }},
      {"empty messages", http2, Settings(), End::kClient, [=](uint32_t) { return Data(1, messages); }},
      {"trailers", http2, Settings(), End::kClient, [](uint32_t) { return Headers(1, "\x90"); }},
      {"chunks", post, "", End::kClient, [](uint32_t) { return std::string("1\r\nx\r\n"); }},
      {"informational answers", post, "", End::kServer,
       [](uint32_t) { return std::string("HTTP/1.1 100 \r\n\r\n"); }},
      {"client's WebSocket frames", ask, agree, End::kClient,
       [](uint32_t) { return WebSocketFrame(End::kClient, kFinal | kBinary, ""); }},
      {"server's WebSocket frames", ask, agree, End::kServer,
       [](uint32_t) { return WebSocketFrame(End::kServer, kFinal | kBinary, ""); }},
  };
}

TEST(PaceTest, AFloodTellsABoundedNumberOfEventsARead) {
  constexpr size_t kReads = 20;
  for (const Flood& flood : Floods()) {
    SCOPED_TRACE(flood.name);
    Counter counter;
    const WireLimits limits;
    ConnectionDecoder decoder(&counter, &HeaderNames::Standard(), &limits);
    decoder.Feed(End::kClient, flood.client);
    if (!flood.server.empty()) decoder.Feed(End::kServer, flood.server);

    Pace pace;
    Read(&pace, 1'000, 5);
    std::string bytes;
    uint32_t turn = 0;
    for (size_t read = 0; read < kReads; ++read) {
      const size_t size = pace.read_size();
      while (bytes.size() < size) bytes += flood.next(turn++);
      const uint64_t steps = decoder.steps(), events = counter.events;
      decoder.Feed(flood.from, bytes.substr(0, size));
      bytes.erase(0, size);
      pace.Passed(size, decoder.steps() - steps);
      // Of a step a call may come, its gap or its end, or a piece of content and its message.
      if (read > 0) {
        EXPECT_LE(counter.events - events, 2 * Pace::kSteps);
      }
    }
    EXPECT_LT(pace.read_size(), Pace::kMaxRead);
  }
}

TEST(PaceTest, HeaderFieldsOfAByteAreStepsToo) {
  Counter counter;
  const WireLimits limits;
  ConnectionDecoder decoder(&counter, &HeaderNames::Standard(), &limits);
  decoder.Feed(End::kClient, std::string(kPreface) + Settings());
  const uint64_t before = decoder.steps();
  decoder.Feed(End::kClient, Headers(1, std::string(10'000, '\x90')));
  EXPECT_GE(decoder.steps() - before, 10'000u);
}

TEST(PaceTest, StepsAreCountedOnThroughAnUpgradeAndAGap) {
  Counter counter;
  const WireLimits limits;
  ConnectionDecoder decoder(&counter, &HeaderNames::Standard(), &limits);
  const Flood flood = Floods().back();
  decoder.Feed(End::kClient, flood.client);
  const uint64_t before = decoder.steps();
  EXPECT_GT(before, 0u);
  decoder.Feed(End::kServer, flood.server + flood.next(0) + flood.next(1));
  EXPECT_GE(decoder.steps(), before + 3);
}

// What it holds for a reader that does not read is what is left of one read.
TEST(PaceTest, ARelayReadsLittleAtATimeOfWhatIsDearToDecode) {
  Server upstream;
  upstream.SetReceiveBuffer(8'192);
  RunningProxy proxy(upstream.endpoint());
  Pair pair(proxy, &upstream);
  std::string flood = std::string(kPreface) + Settings();
  for (uint32_t i = 0; i < 1'000; ++i) flood += Headers(2 * i + 1, std::string(16'000, '\x90'));
  size_t sent = 0;
  int64_t most_held = 0;
  int idle_looks = 0;
  EXPECT_TRUE(Eventually([&] {
    const size_t more = pair.client.SendAvailable(std::string_view(flood).substr(sent));
    sent += more;
    most_held = std::max<int64_t>(most_held, proxy.metrics.held_bytes);
    idle_looks = more == 0 ? idle_looks + 1 : 0;
    return most_held > 0 && idle_looks >= 100;
  }));
  EXPECT_LT(sent, flood.size());
  EXPECT_GT(most_held, 0);
  EXPECT_LE(most_held, static_cast<int64_t>(Pace::kFirstRead));
  EXPECT_EQ(proxy.metrics.gaps, 0u);
}

}  // namespace
}  // namespace fedcarbon::node
