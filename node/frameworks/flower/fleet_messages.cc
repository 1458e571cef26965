#include "node/frameworks/flower/fleet_messages.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fedcarbon::node::flower {

// What a path of a table leads to.
enum class Field {
  kNode,
  kListed,
  kRun,
  kMessage,
  kReplyTo,
  kGroup,
  kType,
  kError,
  kInside,
  kSetting,
  kSettingName,
  kSettingNumber,
  kRuntime,
  kObject,
  kSession,
  kFound,
  kAvailable,
  kContent,
};

struct FleetTable {
  void Add(Field field, const FieldPath& path) {
    fields.push_back(field);
    paths.push_back(path);
  }

  std::vector<Field> fields;
  std::vector<FieldPath> paths;
};

namespace {

struct Name {
  std::string_view grpc, http;
  Method method;
};

constexpr std::string_view kGrpcService = "/flwr.proto.Fleet/";
constexpr std::string_view kHttpServices[] = {"/v1/fleet/", "/api/v0/fleet/"};
constexpr Name kNames[] = {
    {"PullMessages", "pull-messages", Method::kPullMessages},
    {"PushMessages", "push-messages", Method::kPushMessages},
    {"PullObject", "pull-object", Method::kPullObject},
    {"PushObject", "push-object", Method::kPushObject},
    {"ConfirmMessageReceived", "confirm-message-received", Method::kConfirmMessageReceived},
    {"SendNodeHeartbeat", "send-node-heartbeat", Method::kSendNodeHeartbeat},
    {"GetRun", "get-run", Method::kGetRun},
    {"GetFab", "get-fab", Method::kGetFab},
    {"PullTaskIns", "pull-task-ins", Method::kPullTaskIns},
    {"PushTaskRes", "push-task-res", Method::kPushTaskRes},
    {"Ping", "ping", Method::kSendNodeHeartbeat},  // to 1.18
};

// `messages_list` is field 2 of an answer to PullMessages and of a request to PushMessages.
void AddMessages(FleetTable* table) {
  table->Add(Field::kListed, {2});
  table->Add(Field::kRun, {2, 1, 1});
  table->Add(Field::kMessage, {2, 1, 2});
  table->Add(Field::kReplyTo, {2, 1, 5});
  table->Add(Field::kGroup, {2, 1, 6});
  table->Add(Field::kType, {2, 1, 8});
  table->Add(Field::kError, {2, 3});
}

// Of the answer to PullMessages, content {3 configs {1 name, 2 {1 settings {1 name, 2 value {2 sint64}}}}}:
// from 1.19 on it is empty.
void AddContent(FleetTable* table) {
  table->Add(Field::kInside, {2, 2});
  table->Add(Field::kSetting, {2, 2, 3, 2, 1});
  table->Add(Field::kSettingName, {2, 2, 3, 2, 1, 1});
  table->Add(Field::kSettingNumber, {2, 2, 3, 2, 1, 2, 2});
}

// The same of tasks: {1 id, 2 group, 3 run, 4 {7 ancestry, 8 type, 9 content, 10 error}}.
void AddTasks(FleetTable* table) {
  table->Add(Field::kListed, {2});
  table->Add(Field::kMessage, {2, 1});
  table->Add(Field::kGroup, {2, 2});
  table->Add(Field::kRun, {2, 3});
  table->Add(Field::kReplyTo, {2, 4, 7});
  table->Add(Field::kType, {2, 4, 8});
  table->Add(Field::kError, {2, 4, 10});
}

void AddTaskContent(FleetTable* table) {
  table->Add(Field::kInside, {2, 4, 9});
  table->Add(Field::kSetting, {2, 4, 9, 3, 2, 1});
  table->Add(Field::kSettingName, {2, 4, 9, 3, 2, 1, 1});
  table->Add(Field::kSettingNumber, {2, 4, 9, 3, 2, 1, 2, 2});
}

FleetTable RequestTable(Method method) {
  FleetTable table;
  table.Add(Field::kNode, {1, 1});
  switch (method) {
    case Method::kPushMessages:
      AddMessages(&table);
      table.Add(Field::kRuntime, {4});
      break;
    case Method::kPushTaskRes:
      AddTasks(&table);
      break;
    case Method::kPushObject:
      table.Add(Field::kSession, {5});
      [[fallthrough]];
    case Method::kPullObject:
    case Method::kConfirmMessageReceived:
      table.Add(Field::kRun, {2});
      table.Add(Field::kObject, {3});
      break;
    case Method::kGetRun:
      table.Add(Field::kRun, {2});
      break;
    case Method::kGetFab:
      table.Add(Field::kRun, {3});
      break;
    default:
      break;
  }
  return table;
}

FleetTable AnswerTable(Method method) {
  FleetTable table;
  switch (method) {
    case Method::kPullMessages:
      AddMessages(&table);
      AddContent(&table);
      break;
    case Method::kPullTaskIns:
      AddTasks(&table);
      AddTaskContent(&table);
      break;
    case Method::kPushMessages:
      table.Add(Field::kSession, {4});
      break;
    case Method::kPullObject:
      table.Add(Field::kFound, {1});
      table.Add(Field::kAvailable, {2});
      table.Add(Field::kContent, {3});
      break;
    default:
      break;
  }
  return table;
}

const FleetTable& TableOf(Method method, bool is_request) {
  static const auto* const tables = [] {
    auto* all = new std::vector<FleetTable>;
    for (int i = 0; i <= static_cast<int>(Method::kOther); ++i) {
      all->push_back(AnswerTable(static_cast<Method>(i)));
      all->push_back(RequestTable(static_cast<Method>(i)));
    }
    return all;
  }();
  return (*tables)[2 * static_cast<size_t>(method) + (is_request ? 1 : 0)];
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
  const auto is_http = [&] {
    return std::any_of(std::begin(kHttpServices), std::end(kHttpServices),
                       [&](std::string_view service) { return TakePrefix(&path, service); });
  };
  if (!is_grpc && !is_http()) return std::nullopt;
  for (const Name& name : kNames) {
    if (path == (is_grpc ? name.grpc : name.http)) return name.method;
  }
  return Method::kOther;
}

FleetReader::FleetReader(Method method, bool is_request)
    : table_(&TableOf(method, is_request)), fields_(&table_->paths, this) {}

bool FleetReader::Finish() {
  message_.round = object_.has_value() ? object_->Finish() : setting_.round();
  return fields_.Finish() && is_possible_;
}

void FleetReader::OnNumber(size_t place, uint64_t value) {
  switch (table_->fields[place]) {
    case Field::kNode:
      message_.node = value;
      break;
    case Field::kRun:
      if (message_.messages <= 1) message_.run = value;
      break;
    case Field::kSettingNumber:
      setting_.Number(value);
      break;
    case Field::kRuntime:
      if (message_.runtimes.size() < FleetMessage::kRuntimes) message_.runtimes.push_back(Double(value));
      break;
    case Field::kFound:
      message_.is_found = value != 0;
      break;
    case Field::kAvailable:
      message_.is_available = value != 0;
      break;
    default:
      break;
  }
}

void FleetReader::OnBytes(size_t place, std::string_view first, uint64_t length) {
  switch (table_->fields[place]) {
    case Field::kListed:
      ++message_.messages;
      break;
    case Field::kMessage:
      return SetId(&message_.message, first, length);
    case Field::kReplyTo:
      return SetId(&message_.reply_to, first, length);
    case Field::kObject:
      return SetId(&message_.object, first, length);
    case Field::kSession:
      return SetId(&message_.session, first, length);
    case Field::kGroup:
      if (message_.messages <= 1 && length <= FleetMessage::kMaxText) message_.group = std::string(first);
      break;
    case Field::kType:
      if (message_.messages <= 1) message_.type = std::string(first.substr(0, FleetMessage::kMaxText));
      break;
    case Field::kError:
      message_.is_error = message_.is_error || length > 0;
      break;
    case Field::kInside:
      message_.has_content = message_.has_content || length > 0;
      break;
    case Field::kSetting:
      setting_.Expect(false);
      break;
    case Field::kSettingName:
      setting_.Expect(first == kRoundName);
      break;
    case Field::kRuntime:  // packed
      for (size_t at = 0; at + sizeof(uint64_t) <= first.size(); at += sizeof(uint64_t)) {
        uint64_t bits;
        std::memcpy(&bits, first.data() + at, sizeof(bits));
        OnNumber(place, bits);
      }
      break;
    case Field::kContent:
      object_.emplace().Begin(first);
      break;
    default:
      break;
  }
}

void FleetReader::SetId(std::string* id, std::string_view first, uint64_t length) {
  if (length > FleetMessage::kMaxText) is_possible_ = false;
  if (is_possible_ && message_.messages <= 1) *id = std::string(first);
}

void FleetReader::OnRest(size_t place, std::string_view bytes) {
  if (table_->fields[place] == Field::kContent) object_->Feed(bytes);
}

}  // namespace fedcarbon::node::flower
