#include "tests/conformance/peers/grpc_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "fedcarbon/meter/grpc/metered.h"
#include "fedcarbon/sync/mutex.h"
#include "tests/conformance/peers/payload.h"
#include "tests/unit/meter/grpc/byte_buffer.h"

namespace fedcarbon::conformance {

namespace {

using nlohmann::json;

json MetadataToJson(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  json pairs = json::array();
  for (const auto& [key, value] : metadata) {
    const std::string name(key.data(), key.size());
    pairs.push_back({name, ValueToJson(name, std::string(value.data(), value.size()))});
  }
  return pairs;
}

/// Lets calls go on together: each arrives with what it does once all have come.
class Together {
 public:
  explicit Together(size_t calls) : missing_(calls) {}

  void Arrive(std::function<void()> go_on) {
    std::vector<std::function<void()>> all;
    {
      MutexLock lock(&mutex_);
      waiting_.push_back(std::move(go_on));
      if (--missing_ == 0) all.swap(waiting_);
    }
    for (const auto& next : all) next();
  }

 private:
  Mutex mutex_;
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
};

/// What a call of either kind has.
class CallBase {
 public:
  explicit CallBase(const json& script) : script_(script), outbox_(script.value("send", json::array())) {
    for (const json& pair : script.value("metadata", json::array())) {
      context_.AddMetadata(pair[0], ValueFromJson(pair[0], pair[1]));
    }
    if (script.contains("server")) context_.AddMetadata("script-bin", script["server"].dump());
    if (script.contains("deadline_ms")) {
      context_.set_deadline(std::chrono::system_clock::now() +
                            std::chrono::milliseconds(script["deadline_ms"].get<int>()));
    }
    if (script.value("gzip", false)) context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    context_.set_wait_for_ready(script.value("wait_for_ready", false));
  }
  virtual ~CallBase() = default;

  virtual void Start(grpc::GenericStub* stub) = 0;

  json Await() {
    done_.WaitForNotification();
    return {{"status", status_.error_code()},
            {"details", status_.error_message()},
            {"initial", MetadataToJson(context_.GetServerInitialMetadata())},
            {"trailing", MetadataToJson(context_.GetServerTrailingMetadata())},
            {"sent", sent_.ToJson()},
            {"received", received_.ToJson()}};
  }

 protected:
  std::string method() const { return script_["method"]; }
  void Done(const grpc::Status& status) {
    status_ = status;
    done_.Notify();
  }

  const json script_;
  grpc::ClientContext context_;
  Outbox outbox_;
  Tally sent_, received_;

 private:
  grpc::Status status_;
  absl::Notification done_;
};

class UnaryCall final : public CallBase {
 public:
  using CallBase::CallBase;

  void Start(grpc::GenericStub* stub) override {
    std::string message;
    outbox_.Next(&message);
    sent_.Add(message);
    request_ = test::BufferOf(message);
    stub->UnaryCall(&context_, method(), {}, &request_, &answer_, [this](const grpc::Status& status) {
      if (status.ok()) received_.Add(test::BytesOf(answer_));
      Done(status);
    });
  }

 private:
  grpc::ByteBuffer request_, answer_;
};

/// Writes and reads at once, as fast as it may.
class StreamCall final : public CallBase,
                         private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  StreamCall(const json& script, Together* together)
      : CallBase(script),
        together_(together),
        hold_(script.value("hold", uint64_t{0})),
        cancel_after_(script.value("cancel_after", uint64_t{0})) {}

  void Start(grpc::GenericStub* stub) override {
    stub->PrepareBidiStreamingCall(&context_, method(), {}, this);
    if (hold_ > 0) AddHold();
    StartRead(&answer_);
    WriteNext();
    StartCall();
  }

 private:
  void WriteNext() {
    std::string message;
    if (outbox_.Next(&message)) {
      sent_.Add(message);
      request_ = test::BufferOf(message);
      StartWrite(&request_);
    } else if (hold_ == 0 && script_.value("half_close", true)) {
      StartWritesDone();
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) WriteNext();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    received_.Add(test::BytesOf(answer_));
    const uint64_t messages = received_.messages();
    if (messages == cancel_after_) context_.TryCancel();
    if (messages == hold_) {
      together_->Arrive([this] {
        StartWritesDone();
        RemoveHold();
      });
    }
    StartRead(&answer_);
  }
  void OnDone(const grpc::Status& status) override { Done(status); }

  Together* const together_;
  const uint64_t
      hold_;  // half-close once all calls have received so many messages; 0: after the last one sent
  const uint64_t cancel_after_;  // messages received; 0: never
  grpc::ByteBuffer request_, answer_;
};

json Run(const json& scripts, const std::shared_ptr<grpc::Channel>& channel) {
  std::vector<json> expanded;
  for (const json& script : scripts) expanded.insert(expanded.end(), script.value("times", 1), script);

  grpc::GenericStub stub(channel);
  Together together(expanded.size());
  std::vector<std::unique_ptr<CallBase>> calls;
  for (const json& script : expanded) {
    if (absl::EndsWith(script["method"].get<std::string>(), "/Unary")) {
      calls.push_back(std::make_unique<UnaryCall>(script));
    } else {
      calls.push_back(std::make_unique<StreamCall>(script, &together));
    }
    calls.back()->Start(&stub);
  }
  json seen = json::array();
  for (const auto& call : calls) seen.push_back(call->Await());
  return seen;
}

}  // namespace

int Call(const std::string& address, const std::shared_ptr<Meter>& meter) {
  std::shared_ptr<grpc::Channel> channel;
  std::string line;
  while (std::getline(std::cin, line)) {
    const json input = json::parse(line);
    if (input.contains("channel")) {
      grpc::ChannelArguments arguments;
      arguments.SetMaxReceiveMessageSize(-1);
      arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "conformance.test");
      for (const auto& [name, value] : input["channel"].items()) arguments.SetInt(name, value.get<int>());
      const auto credentials = grpc::InsecureChannelCredentials();
      CallInterceptorOptions options;
      options.raw = true;
      channel = meter == nullptr ? grpc::CreateCustomChannel(address, credentials, arguments)
                                 : CreateMeteredChannel(address, credentials, meter, options, arguments);
    }
    std::cout << Run(input["calls"], channel).dump() << std::endl;
  }
  return 0;
}

}  // namespace fedcarbon::conformance
