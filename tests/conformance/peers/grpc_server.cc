#include "tests/conformance/peers/grpc_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/match.h"
#include "fedcarbon/meter/grpc/metered.h"
#include "fedcarbon/sync/mutex.h"
#include "tests/conformance/peers/payload.h"
#include "tests/unit/meter/grpc/byte_buffer.h"

namespace fedcarbon::conformance {

namespace {

using nlohmann::json;

std::string TextOf(grpc::string_ref text) { return std::string(text.data(), text.size()); }

/// Does one call's script, one step after the other; gRPC's reactions never overlap, but for OnCancel.
class ScriptedCall final : public grpc::ServerGenericBidiReactor {
 public:
  ScriptedCall(grpc::GenericCallbackServerContext* context, Mutex* output)
      : context_(context), output_(output) {
    const auto script = context->client_metadata().find("script-bin");
    if (script != context->client_metadata().end()) script_ = json::parse(TextOf(script->second));
    echo_ = !script_.contains("answers");
    limit_ = script_.value("read", UINT64_MAX);
    answers_ = Outbox(script_.value("answers", json::array()));
    if (script_.value("gzip", false)) context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    for (const auto& [key, value] : Pairs("trailing")) context->AddTrailingMetadata(key, value);
    if (script_.contains("initial")) {
      for (const auto& [key, value] : Pairs("initial")) context->AddInitialMetadata(key, value);
      StartSendInitialMetadata();
    } else {
      Next();
    }
  }

 private:
  std::vector<std::pair<std::string, std::string>> Pairs(const char* name) const {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const json& pair : script_.value(name, json::array())) {
      pairs.emplace_back(pair[0], ValueFromJson(pair[0], pair[1]));
    }
    return pairs;
  }

  void Next() {
    if (!half_closed_ && received_.messages() < limit_) return StartRead(&request_);
    std::string answer;
    if (answers_.Next(&answer)) return Send(answer);
    if (script_.value("exit", false)) std::_Exit(0);
    if (script_.value("cancel", false)) context_->TryCancel();
    if (script_.value("cancel", false) || script_.value("hang", false)) return FinishOnceCancelled();
    End();
  }

  void Send(const std::string& answer) {
    sent_.Add(answer);
    answer_ = test::BufferOf(answer);
    StartWrite(&answer_);
  }

  void End() {
    const json status = script_.value("status", json::array({0, ""}));
    Finish(grpc::Status(status[0].get<grpc::StatusCode>(), status[1]));
  }

  // Called by the script and by OnCancel, in any order; the second finishes.
  void FinishOnceCancelled() {
    if (arrived_.fetch_add(1) == 1) Finish(grpc::Status::CANCELLED);
  }

  void OnSendInitialMetadataDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
  void OnReadDone(bool ok) override {
    if (!ok) {
      half_closed_ = true;
      return Next();
    }
    const std::string request = test::BytesOf(request_);
    received_.Add(request);
    echo_ ? Send(request) : Next();
  }
  void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
  void OnCancel() override { FinishOnceCancelled(); }
  void OnDone() override {
    json seen = {{"method", context_->method()},
                 {"authority", context_->host()},
                 {"deadline", context_->deadline() != std::chrono::system_clock::time_point::max()},
                 {"cancelled", context_->IsCancelled()},
                 {"received", received_.ToJson()},
                 {"sent", sent_.ToJson()}};
    for (const auto& [key, value] : context_->client_metadata()) {
      seen["metadata"].push_back({TextOf(key), ValueToJson(TextOf(key), TextOf(value))});
    }
    {
      MutexLock lock(output_);
      std::cout << seen.dump() << std::endl;
    }
    delete this;
  }

  grpc::GenericCallbackServerContext* const context_;
  Mutex* const output_;
  json script_ = json::object();
  bool echo_;
  uint64_t limit_;
  Outbox answers_{json::array()};
  bool half_closed_ = false;
  std::atomic<int> arrived_ = 0;
  grpc::ByteBuffer request_, answer_;
  Tally received_, sent_;
};

/// Knows every method of services below "conformance.".
class Service final : public grpc::CallbackGenericService {
 private:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    if (!absl::StartsWith(context->method(), "/conformance."))
      return CallbackGenericService::CreateReactor(context);
    return new ScriptedCall(context, &output_);
  }

  Mutex output_;
};

}  // namespace

int Serve(int port, const json& arguments, const std::shared_ptr<Meter>& meter) {
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  for (const auto& [name, value] : arguments.items()) builder.AddChannelArgument(name, value.get<int>());
  builder.RegisterCallbackGenericService(&service);
  if (meter != nullptr) {
    CallInterceptorOptions options;
    options.raw = true;
    MeterServer(&builder, meter, options);
  }
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::cout << json{{"listen", "127.0.0.1:" + std::to_string(port)}}.dump() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  server->Shutdown(std::chrono::system_clock::now());
  server->Wait();
  return 0;
}

}  // namespace fedcarbon::conformance
