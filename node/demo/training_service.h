// The aggregator's gRPC face: the hospitals' calls, led to the task board.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "node/demo/demo.grpc.pb.h"
#include "node/demo/task_board.h"

namespace fedcarbon::demo {

/// Thread-safe. A call that waits for a task holds a thread of the server.
class TrainingService final : public v1::Training::Service {
 public:
  /// `board` must outlive the server. `note` goes as metadata with every answer, if it is not empty.
  TrainingService(TaskBoard* board, std::string note);

  grpc::Status GetTask(grpc::ServerContext* context, const v1::GetTaskRequest* request,
                       v1::Task* task) override;
  grpc::Status SubmitResult(grpc::ServerContext* context, const v1::Result* result,
                            v1::SubmitResultResponse* response) override;

 private:
  void AddNote(grpc::ServerContext* context) const;

  TaskBoard* const board_;
  const std::string note_;
};

}  // namespace fedcarbon::demo
