// The messages of Flower's Fleet API, as far as they are read. Their fields have had the same numbers
// since 1.20; before 1.19 a message's content was inside it, and before 1.15 it was called a task.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/frameworks/flower/config_record.h"
#include "node/frameworks/flower/round_setting.h"
#include "node/frameworks/protobuf_fields.h"

namespace fedcarbon::node::flower {

enum class Method {
  kPullMessages,
  kPushMessages,
  kPullObject,
  kPushObject,
  kConfirmMessageReceived,
  kSendNodeHeartbeat,
  kGetRun,
  kGetFab,
  kPullTaskIns,  // 1.12 to 1.14
  kPushTaskRes,
  kOther,  // of the same service
};

/// By the path of a call: `/flwr.proto.Fleet/PullMessages` over gRPC, `/v1/fleet/pull-messages` over HTTP,
/// `/api/v0/fleet/pull-messages` over the HTTP of old (`--rest`, to 1.32). Nothing: none of the Fleet API.
std::optional<Method> MethodOf(std::string_view path);

/// What one request or answer said. Fields that it does not have are as they are here.
struct FleetMessage {
  uint64_t node = 0;
  uint64_t run = 0;
  uint64_t messages = 0;  // in messages_list; what follows is of the first
  std::string message;    // its id
  std::string reply_to;
  std::string group;  // empty too if it is longer than any number
  std::string type;   // its beginning
  bool is_error = false;
  bool has_content = false;       // of its own, not in objects
  std::optional<uint64_t> round;  // that this content names, or an object
  std::vector<double> runtimes;   // seconds, one per message; at most kRuntimes
  std::string object;             // its id
  std::string session;
  bool is_found = false;
  bool is_available = false;

  static constexpr size_t kMaxText = 128;  // bytes; ids are 64 hexadecimal digits or less
  static constexpr size_t kRuntimes = 16;
};

struct FleetTable;

/// Reads one request or answer of a method as it passes: calls of the Fleet API have one each way.
class FleetReader : private FieldListener {
 public:
  FleetReader(Method method, bool is_request);
  FleetReader(const FleetReader&) = delete;
  FleetReader& operator=(const FleetReader&) = delete;

  void Feed(std::string_view bytes) { fields_.Feed(bytes); }

  /// The message is over. Whether it was what it seemed, and had no id longer than any. Once.
  bool Finish();

  /// After a Finish() that was true: what it said.
  const FleetMessage& message() const { return message_; }

 private:
  void OnNumber(size_t place, uint64_t value) override;
  void OnBytes(size_t place, std::string_view first, uint64_t length) override;
  void OnRest(size_t place, std::string_view bytes) override;
  void SetId(std::string* id, std::string_view first, uint64_t length);

  const FleetTable* const table_;
  FleetMessage message_;
  RoundSetting setting_;
  bool is_possible_ = true;
  std::optional<ConfigRecordReader> object_;
  ProtobufFields fields_;
};

}  // namespace fedcarbon::node::flower
