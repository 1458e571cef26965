// What reading over a connection's shoulder costs, without the connection: decoders fed as the proxy feeds
// them, alone or with the metering that they feed. items are messages; small ones have 100 bytes, one each
// way in a call.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fedcarbon/meter/meter.h"
#include "node/frameworks/flower/flower.h"
#include "node/proxy/connection_meter.h"
#include "node/wire/connection_decoder.h"
#include "tests/unit/node/frameworks/encode.h"
#include "tests/unit/node/wire/http2_frames.h"
#include "tests/unit/node/wire/websocket_frames.h"

namespace fedcarbon::node {
namespace {

using namespace testing;  // NOLINT: the frames of the unit tests

constexpr int kCalls = 1'000;  // of a connection
constexpr size_t kSmall = 100;
constexpr size_t kBulk = 64 << 20;
constexpr size_t kRead = 1 << 20;    // as much as the proxy reads at once
constexpr size_t kFrame = 16 << 10;  // HTTP/2's default, and the most frames for the bytes

class NoCall : public CallListener {
 public:
  void OnHeaders(End, const HeaderBlock& block) override { benchmark::DoNotOptimize(block); }
  void OnMessage(End, const MessagePiece& piece) override { benchmark::DoNotOptimize(piece); }
  void OnEnd(int status) override { benchmark::DoNotOptimize(status); }
};

class NoListener : public ConnectionListener {
 public:
  void OnProtocol(Protocol) override {}
  std::unique_ptr<CallListener> OnCall(const HeaderBlock&) override { return std::make_unique<NoCall>(); }
  void OnGap(const char* why, bool) override { gap = why; }

  const char* gap = nullptr;
};

/// A connection, read by read.
struct Conversation {
  void Add(End end, std::string bytes) {
    for (size_t at = 0; at < bytes.size(); at += kRead) reads.emplace_back(end, bytes.substr(at, kRead));
    size += bytes.size();
  }

  std::vector<std::pair<End, std::string>> reads;
  size_t size = 0;
  int messages = 0;
};

void CountProcessed(benchmark::State& state, const Conversation& conversation) {
  state.SetItemsProcessed(state.iterations() * conversation.messages);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(conversation.size));
}

/// From the first byte to the last, again and again.
void Decode(benchmark::State& state, const Conversation& conversation) {
  const WireLimits limits;
  for (auto _ : state) {
    NoListener listener;
    ConnectionDecoder decoder(&listener, &HeaderNames::Standard(), &limits);
    for (const auto& [end, bytes] : conversation.reads) decoder.Feed(end, bytes);
    if (listener.gap != nullptr) return state.SkipWithError(listener.gap);
  }
  CountProcessed(state, conversation);
}

/// Drops facts: what becomes of them later is not on the connection's path.
class NullSink : public FactSink {
 public:
  void Record(Fact fact) override { benchmark::DoNotOptimize(fact); }
};

/// With the rules of all frameworks, which take a call by its path.
void DecodeAndMeter(benchmark::State& state, const Conversation& conversation) {
  MeterOptions options;
  options.node = "bench.example";
  const std::shared_ptr<Meter> meter = *Meter::Create(options, std::make_shared<NullSink>());
  const std::shared_ptr<Route> route = *Route::Create(ListenerOptions());
  Flower flower(meter);
  OpenRounds rounds;
  ProxyMetrics metrics;
  GapBook gaps;
  for (auto _ : state) {
    ConnectionMeter connection(route, meter, &flower, &rounds, &metrics, &gaps);
    for (const auto& [end, bytes] : conversation.reads) connection.Passed(end, bytes);
    connection.Close({});
  }
  CountProcessed(state, conversation);
}

/// gRPC as its C++ peers speak it.
class Http2Peers {
 public:
  Http2Peers() {
    conversation_.Add(End::kClient, std::string(kPreface) + Settings());
    conversation_.Add(End::kServer, Settings());
  }

  void Call(const std::string& path, const std::string& request, const std::string& response) {
    const Fields fields = {{":scheme", "http"},
                           {":method", "POST"},
                           {":authority", "fl.example.org:9092"},
                           {":path", path},
                           {"te", "trailers"},
                           {"content-type", "application/grpc"},
                           {"user-agent", "grpc-c++/1.51.1 grpc-c/29.0.0 (linux; chttp2)"},
                           {"grpc-accept-encoding", "identity, deflate, gzip"}};
    const Fields answer = {{":status", "200"},
                           {"content-type", "application/grpc"},
                           {"grpc-accept-encoding", "identity, deflate, gzip"}};
    conversation_.Add(End::kClient, Headers(stream_, client_.Encode(fields)) + Body(request, kEndStream));
    conversation_.Add(End::kServer,
                      Headers(stream_, server_.Encode(answer)) + Body(response, 0) +
                          Headers(stream_, server_.Encode({{"grpc-status", "0"}}), kEndHeaders | kEndStream));
    conversation_.messages += 2;
    stream_ += 2;
  }

  void Call(size_t request, size_t response) {
    Call("/fedcarbon.demo.Training/PushUpdate", std::string(request, 'x'), std::string(response, 'x'));
  }

  const Conversation& conversation() const { return conversation_; }

 private:
  std::string Body(const std::string& content, uint8_t flags) const {
    const std::string message = GrpcMessage(content);
    std::string frames;
    for (size_t at = 0; at < message.size(); at += kFrame) {
      const bool is_last = message.size() - at <= kFrame;
      frames += Data(stream_, std::string_view(message).substr(at, kFrame), is_last ? flags : 0);
    }
    return frames;
  }

  Conversation conversation_;
  Encoder client_;
  Encoder server_;
  uint32_t stream_ = 1;
};

Conversation Http2Calls() {
  Http2Peers peers;
  for (int i = 0; i < kCalls; ++i) peers.Call(kSmall, kSmall);
  return peers.conversation();
}

void Http2SmallPlain(benchmark::State& state) { Decode(state, Http2Calls()); }
void Http2SmallMetered(benchmark::State& state) { DecodeAndMeter(state, Http2Calls()); }

void Http2Bulk(benchmark::State& state) {
  Http2Peers peers;
  peers.Call(kBulk, 0);
  Decode(state, peers.conversation());
}

std::string Length(size_t size) { return "content-length: " + std::to_string(size) + "\r\n\r\n"; }

void AddHttp1(Conversation* conversation, const std::string& path, const std::string& request,
              const std::string& response) {
  conversation->Add(End::kClient,
                    "POST " + path +
                        " HTTP/1.1\r\nhost: fl.example.org:9092\r\n"
                        "user-agent: python-requests/2.32.5\r\naccept-encoding: gzip, deflate\r\n"
                        "content-type: application/protobuf\r\naccept: application/protobuf\r\n" +
                        Length(request.size()) + request);
  conversation->Add(End::kServer,
                    "HTTP/1.1 200 OK\r\ndate: Thu, 26 Nov 2026 02:00:00 GMT\r\nserver: uvicorn\r\n"
                    "content-type: application/protobuf\r\n" +
                        Length(response.size()) + response);
  conversation->messages += 2;
}

Conversation Http1Calls(int calls, size_t request, size_t response) {
  Conversation conversation;
  for (int i = 0; i < calls; ++i) {
    AddHttp1(&conversation, "/fedcarbon/push-update", std::string(request, 'x'), std::string(response, 'x'));
  }
  return conversation;
}

void Http1SmallPlain(benchmark::State& state) { Decode(state, Http1Calls(kCalls, kSmall, kSmall)); }
void Http1SmallMetered(benchmark::State& state) { DecodeAndMeter(state, Http1Calls(kCalls, kSmall, kSmall)); }
void Http1Bulk(benchmark::State& state) { Decode(state, Http1Calls(1, kBulk, 0)); }

Conversation WebSocketMessages(int pairs, size_t size) {
  Conversation conversation;
  conversation.Add(End::kClient,
                   "GET /f3 HTTP/1.1\r\nhost: fl.example.org\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                   "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n");
  conversation.Add(End::kServer,
                   "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                   "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  for (int i = 0; i < pairs; ++i) {
    for (const End end : {End::kClient, End::kServer}) {
      conversation.Add(end, WebSocketFrame(end, kFinal | kBinary, std::string(size, 'x')));
    }
  }
  conversation.messages = 2 * pairs;
  return conversation;
}

void WebSocketSmall(benchmark::State& state) { Decode(state, WebSocketMessages(kCalls, kSmall)); }
void WebSocketBulk(benchmark::State& state) { Decode(state, WebSocketMessages(kBulk >> 21, 1 << 20)); }

// What rules cost: what a Flower node says, against the same bytes under paths that no rule takes. Small
// calls are a round's: heartbeats, polls, and the messages around objects; bulk is objects of 5 MiB.

constexpr std::string_view kFleet = "/flwr.proto.Fleet/", kFleetOverHttp = "/v1/fleet/";
constexpr std::string_view kOther = "/some.pack.Thing/", kOtherOverHttp = "/v2/thing/";
constexpr size_t kObject = 5 << 20;
constexpr int kObjects = 12;

struct FleetCall {
  std::string method, request, answer;
};

std::string Object(const std::string& type, size_t size) {
  return Varint(1, 1) + Varint(2, 1) + testing::Delimited(3, type + " 99" + '\0' + std::string(size, 'x'));
}

std::vector<FleetCall> SmallFleetCalls() {
  const std::string node = testing::Delimited(1, Varint(1, 0x9acb12341234cafe));
  std::vector<FleetCall> calls;
  for (int i = 0; calls.size() < kCalls; ++i) {
    const std::string id(64, static_cast<char>('a' + i % 16)), reply(64, static_cast<char>('g' + i % 16));
    const auto message = [&](const std::string& own, const std::string& to) {
      return testing::Delimited(
                 2, testing::Delimited(1, Varint(1, 77) + testing::Delimited(2, own) + Varint(3, 1) +
                                              Varint(4, 2) + testing::Delimited(5, to) + Fixed64(7, 1) +
                                              testing::Delimited(8, "train") + Fixed64(9, 1)) +
                        testing::Delimited(2, "")) +
             testing::Delimited(
                 3, testing::Delimited(1, own) + testing::Delimited(2, testing::Delimited(1, id)));
    };
    const std::string object = node + Varint(2, 77) + testing::Delimited(3, id);
    calls.push_back({"SendNodeHeartbeat", node + Fixed64(2, 30), Varint(1, 1)});
    for (int poll = 0; poll < 3; ++poll) calls.push_back({"PullMessages", node, ""});
    calls.push_back({"PullMessages", node, message(id, "")});
    calls.push_back({"PullObject", object, Object("Array", 100)});
    calls.push_back({"ConfirmMessageReceived", object, ""});
    calls.push_back({"PushMessages", node + message(reply, id),
                     testing::Delimited(3, id) + testing::Delimited(4, "session")});
    calls.push_back({"PushObject",
                     object + testing::Delimited(4, "Array 99") + testing::Delimited(5, "session"),
                     Varint(1, 1)});
  }
  return calls;
}

void SmallFleet(benchmark::State& state, std::string_view service) {
  Http2Peers peers;
  for (const FleetCall& call : SmallFleetCalls())
    peers.Call(std::string(service) + call.method, call.request, call.answer);
  DecodeAndMeter(state, peers.conversation());
}

void BulkFleet(benchmark::State& state, std::string_view service) {
  Conversation conversation;
  const std::string object = Object("ArrayChunk", kObject);
  for (int i = 0; i < kObjects; ++i) {
    const std::string request = testing::Delimited(1, Varint(1, 5)) + Varint(2, 77) +
                                testing::Delimited(3, std::string(64, static_cast<char>('a' + i)));
    AddHttp1(&conversation, std::string(service) + "pull-object", request, object);
  }
  DecodeAndMeter(state, conversation);
}

void FleetSmallByRule(benchmark::State& state) { SmallFleet(state, kFleet); }
void FleetSmallByNone(benchmark::State& state) { SmallFleet(state, kOther); }
void FleetBulkByRule(benchmark::State& state) { BulkFleet(state, kFleetOverHttp); }
void FleetBulkByNone(benchmark::State& state) { BulkFleet(state, kOtherOverHttp); }

BENCHMARK(Http2SmallPlain)->Repetitions(9);
BENCHMARK(Http2SmallMetered)->Repetitions(9);
BENCHMARK(Http2Bulk)->Repetitions(9);
BENCHMARK(Http1SmallPlain)->Repetitions(9);
BENCHMARK(Http1SmallMetered)->Repetitions(9);
BENCHMARK(Http1Bulk)->Repetitions(9);
BENCHMARK(WebSocketSmall)->Repetitions(9);
BENCHMARK(WebSocketBulk)->Repetitions(9);
BENCHMARK(FleetSmallByNone)->Repetitions(9);
BENCHMARK(FleetSmallByRule)->Repetitions(9);
BENCHMARK(FleetBulkByNone)->Repetitions(9);
BENCHMARK(FleetBulkByRule)->Repetitions(9);

}  // namespace
}  // namespace fedcarbon::node
