// Calls of Flower's Fleet API as the proxy of one hospital has them, for the tests of its rules.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/frameworks/flower/flower.h"
#include "tests/unit/meter/collector.h"
#include "tests/unit/node/frameworks/encode.h"

namespace fedcarbon::node::testing {

inline constexpr uint64_t kNode = 0x9acb12341234cafe, kOtherNode = 77, kRun = 5'334'123'456'789'012'345;
inline constexpr const char* kRunName = "flower:5334123456789012345";

inline std::string Id(char digit) { return std::string(64, digit); }
inline std::string Node(uint64_t node) { return Delimited(1, Varint(1, node)); }

inline uint64_t Bits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

struct Metadata {
  std::string message;
  std::string reply_to = "";
  std::string group = "";
  std::string type = "train";
  uint64_t run = kRun;
};

inline std::string Message(const Metadata& metadata, bool is_error = false) {
  std::string fields =
      Varint(1, metadata.run) + Delimited(2, metadata.message) + Varint(3, 1) + Varint(4, kNode);
  if (!metadata.reply_to.empty()) fields += Delimited(5, metadata.reply_to);
  if (!metadata.group.empty()) fields += Delimited(6, metadata.group);
  fields += Fixed64(7, 1) + Delimited(8, metadata.type);
  return Delimited(
      2, Delimited(1, fields) + Delimited(2, "") + (is_error ? Delimited(3, Varint(1, 1)) : std::string()));
}

inline std::string Tree(const std::string& root) {
  return Delimited(3, Delimited(1, root) + Delimited(2, Delimited(1, Id('0'))));
}

inline std::string Object(const std::string& content) {
  return Varint(1, 1) + Varint(2, 1) + Delimited(3, content);
}

inline std::string ConfigItem(const std::string& key, const std::string& value) {
  return Delimited(1, Delimited(1, key) + Delimited(2, value));
}

inline std::string ConfigOf(const std::string& record) {
  return "ConfigRecord  " + std::to_string(record.size()) + std::string(1, '\0') + record;
}

inline std::string Config(const std::string& key, uint64_t zigzag) {
  return ConfigOf(ConfigItem(key, Varint(2, zigzag)));
}

class FlowerTest : public ::testing::Test {
 protected:
  /// A call and its rule, as the proxy of one hospital has them.
  struct Open {
    std::shared_ptr<CallObserver> call;
    std::unique_ptr<CallRule> rule;
  };

  Open Begin(const std::string& path) {
    HeaderBlock request;
    request.fields = {{":method", "POST"}, {":path", path}};
    CallStart start;
    start.end = v1::END_CLIENT;
    start.observer = v1::OBSERVER_PROXY;
    start.peer = "superlink";
    start.method = path;
    Open open{meter_.meter->StartCall(start), nullptr};
    open.rule = flower_.OnCall(request, open.call);
    return open;
  }

  static void Send(Open* open, End from, const std::string& message) {
    for (size_t at = 0; at < message.size(); at += 7)
      open->rule->OnContent(from, std::string_view(message).substr(at, 7));
    open->call->OnMessage(
        from == End::kClient ? Direction::kSent : Direction::kReceived,
        {fedcarbon::Bytes(message.size()), fedcarbon::Bytes(message.size()), v1::COUNT_KIND_WIRE});
    open->rule->OnMessageEnd(from);
  }

  static void End(Open* open, int status = 0) {
    open->rule->OnEnd(status);
    open->call->End(status);
    open->rule = nullptr;
  }

  /// A whole call; the Transfer that came of it.
  Transfer Call(const std::string& method, const std::string& request, const std::string& answer,
                int status = 0) {
    Open open = Begin("/flwr.proto.Fleet/" + method);
    Send(&open, End::kClient, request);
    Send(&open, End::kServer, answer);
    End(&open, status);
    return Transfers().back();
  }

  /// It ends before it is answered.
  Transfer CutCall(const std::string& method, const std::string& request) {
    {
      Open open = Begin("/flwr.proto.Fleet/" + method);
      Send(&open, End::kClient, request);
    }
    return Transfers().back();
  }

  Transfer Pull(const Metadata& message, uint64_t node = kNode) {
    return Call("PullMessages", Node(node), Message(message) + Tree(message.message));
  }
  Transfer PullObject(const std::string& object, const std::string& answer, uint64_t node = kNode,
                      uint64_t run = kRun) {
    return Call("PullObject", Node(node) + Varint(2, run) + Delimited(3, object), answer);
  }
  Transfer Confirm(const std::string& message, uint64_t node = kNode) {
    return Call("ConfirmMessageReceived", Node(node) + Varint(2, kRun) + Delimited(3, message), "");
  }
  Transfer Push(const Metadata& reply, const std::string& session,
                std::optional<double> runtime = std::nullopt) {
    const std::string seconds =
        runtime.has_value() ? Delimited(4, Fixed64(1, Bits(*runtime)).substr(1)) : std::string();
    return Call("PushMessages", Node(kNode) + Message(reply) + Tree(Id('9')) + seconds,
                Delimited(3, Id('9')) + (session.empty() ? session : Delimited(4, session)));
  }
  Transfer PushObject(const std::string& object, const std::string& session) {
    return Call("PushObject",
                Node(kNode) + Varint(2, kRun) + Delimited(3, object) +
                    Delimited(4, std::string(100'000, 'x')) +
                    (session.empty() ? session : Delimited(5, session)),
                Varint(1, 1));
  }

  std::vector<Transfer> Transfers() const { return meter_.sink->All<Transfer>(); }
  std::vector<Binding> Bindings() const { return meter_.sink->All<Binding>(); }
  std::vector<Span> Spans() const { return meter_.sink->All<Span>(); }

  ManualMeter meter_;
  Flower flower_{meter_.meter};
};

inline RoundId Round(uint64_t round) { return {kRunName, round}; }
inline const RoundId kNoRound{kRunName, std::nullopt};

}  // namespace fedcarbon::node::testing
