// A report service in the test's process, behind a real port.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "fedcarbon/v1/report.grpc.pb.h"
#include "tests/unit/report/fake_coordinator.h"

namespace fedcarbon::testing {

/// Lets a FakeCoordinator answer. Can be stopped and started again on the same port.
class ReportServer : private v1::ReportService::Service {
 public:
  explicit ReportServer(FakeCoordinator* coordinator) : coordinator_(coordinator) { Start(); }
  ~ReportServer() override { Stop(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  bool is_running() const { return server_ != nullptr; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  grpc::Status Report(grpc::ServerContext*,
                      grpc::ServerReaderWriter<v1::ReportResponse, v1::ReportRequest>* stream) override {
    v1::ReportRequest request;
    while (stream->Read(&request)) {
      const FakeCoordinator::Outcome outcome = coordinator_->Handle(request);
      if (outcome.response) stream->Write(*outcome.response);
      if (outcome.end) {
        return {static_cast<grpc::StatusCode>(outcome.end->code()), std::string(outcome.end->message())};
      }
    }
    return grpc::Status::OK;
  }

  FakeCoordinator* const coordinator_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace fedcarbon::testing
