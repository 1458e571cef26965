#include "node/frameworks/flower/fleet_messages.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fedcarbon::node::flower {
namespace {

struct Name {
  std::string_view grpc, http;
  Method method;
};

constexpr std::string_view kGrpcService = "/flwr.proto.Fleet/";
constexpr std::string_view kHttpService = "/v1/fleet/";
constexpr Name kNames[] = {
    {"PullMessages", "pull-messages", Method::kPullMessages},
    {"PushMessages", "push-messages", Method::kPushMessages},
    {"PullObject", "pull-object", Method::kPullObject},
    {"PushObject", "push-object", Method::kPushObject},
    {"ConfirmMessageReceived", "confirm-message-received", Method::kConfirmMessageReceived},
    {"SendNodeHeartbeat", "send-node-heartbeat", Method::kSendNodeHeartbeat},
};

// What a field of a table is; its place there.
enum Field : size_t {
  kNode,
  kRun,
  kMessage,
  kReplyTo,
  kGroup,
  kType,
  kError,
  kRuntime,
  kObject,
  kSession,
  kFound,
  kAvailable,
  kContent,
  kFields,
};

constexpr FieldPath kAbsent = {0};

// Every path of `Message.metadata` is below messages_list, field 2.
std::vector<FieldPath> Table(Method method, bool is_request) {
  std::vector<FieldPath> table(kFields, kAbsent);
  if (is_request) table[kNode] = {1, 1};
  switch (method) {
    case Method::kPullMessages:
    case Method::kPushMessages:
      if (!is_request && method == Method::kPushMessages) {
        table[kSession] = {4};
        break;
      }
      if (is_request && method == Method::kPullMessages) break;
      table[kRun] = {2, 1, 1};
      table[kMessage] = {2, 1, 2};
      table[kReplyTo] = {2, 1, 5};
      table[kGroup] = {2, 1, 6};
      table[kType] = {2, 1, 8};
      table[kError] = {2, 3};
      if (is_request) table[kRuntime] = {4};
      break;
    case Method::kPullObject:
    case Method::kPushObject:
    case Method::kConfirmMessageReceived:
      if (is_request) {
        table[kRun] = {2};
        table[kObject] = {3};
        if (method == Method::kPushObject) table[kSession] = {5};
      } else if (method == Method::kPullObject) {
        table[kFound] = {1};
        table[kAvailable] = {2};
        table[kContent] = {3};
      }
      break;
    case Method::kSendNodeHeartbeat:
      break;
    case Method::kOther:
      if (is_request) table[kRun] = {2};  // of GetRun; elsewhere no number
      break;
  }
  return table;
}

const std::vector<FieldPath>* TableOf(Method method, bool is_request) {
  static const auto* const tables = [] {
    auto* all = new std::vector<std::vector<FieldPath>>;
    for (int i = 0; i <= static_cast<int>(Method::kOther); ++i) {
      for (const bool request : {false, true}) all->push_back(Table(static_cast<Method>(i), request));
    }
    return all;
  }();
  return &(*tables)[2 * static_cast<size_t>(method) + (is_request ? 1 : 0)];
}

// Ids are 64 hexadecimal digits or less, numbers in digits, or a short word.
constexpr size_t kMaxText = 128;

std::string Text(std::string_view first, uint64_t length) {
  return length <= kMaxText ? std::string(first) : std::string();
}

double Double(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

bool TakePrefix(std::string_view* text, std::string_view prefix) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<Method> MethodOf(std::string_view path) {
  const bool is_grpc = TakePrefix(&path, kGrpcService);
  if (!is_grpc && !TakePrefix(&path, kHttpService)) return std::nullopt;
  for (const Name& name : kNames) {
    if (path == (is_grpc ? name.grpc : name.http)) return name.method;
  }
  return Method::kOther;
}

FleetReader::FleetReader(Method method, bool is_request) : fields_(TableOf(method, is_request), this) {}

std::optional<FleetMessage> FleetReader::End() {
  FleetMessage message = std::exchange(message_, {});
  message.round = object_.End();
  if (!fields_.End()) return std::nullopt;
  return message;
}

void FleetReader::OnNumber(size_t field, uint64_t value) {
  switch (field) {
    case kNode:
      message_.node = value;
      break;
    case kRun:
      if (message_.messages <= 1) message_.run = value;
      break;
    case kRuntime:
      if (message_.runtimes.size() < FleetMessage::kRuntimes) message_.runtimes.push_back(Double(value));
      break;
    case kFound:
      message_.is_found = value != 0;
      break;
    case kAvailable:
      message_.is_available = value != 0;
      break;
    default:
      break;
  }
}

void FleetReader::OnRest(size_t field, std::string_view bytes) {
  if (field == kContent) object_.Feed(bytes);
}

void FleetReader::OnBytes(size_t field, std::string_view first, uint64_t length) {
  const auto set = [&](std::string* text) {
    if (text->empty()) *text = Text(first, length);
  };
  switch (field) {
    case kMessage:
      ++message_.messages;
      return set(&message_.message);
    case kReplyTo:
      return set(&message_.reply_to);
    case kGroup:
      return set(&message_.group);
    case kType:
      return set(&message_.type);
    case kError:
      message_.is_error = message_.is_error || length > 0;
      return;
    case kRuntime:  // packed
      for (size_t at = 0; at + sizeof(uint64_t) <= first.size(); at += sizeof(uint64_t)) {
        uint64_t bits;
        std::memcpy(&bits, first.data() + at, sizeof(bits));
        OnNumber(kRuntime, bits);
      }
      return;
    case kObject:
      return set(&message_.object);
    case kSession:
      return set(&message_.session);
    case kContent:
      return object_.Begin(first);
    default:
      return;
  }
}

}  // namespace fedcarbon::node::flower
