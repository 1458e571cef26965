#include "node/demo/training_service.h"

#include <optional>
#include <utility>

#include "fedcarbon/meter/grpc/metered.h"
#include "fedcarbon/status/grpc/status.h"

namespace fedcarbon::demo {

TrainingService::TrainingService(TaskBoard* board, std::string note)
    : board_(board), note_(std::move(note)) {}

void TrainingService::AddNote(grpc::ServerContext* context) const {
  if (!note_.empty()) context->AddTrailingMetadata("demo-note", note_);
}

grpc::Status TrainingService::GetTask(grpc::ServerContext* context, const v1::GetTaskRequest* request,
                                      v1::Task* task) {
  AddNote(context);
  absl::StatusOr<v1::Task> next = board_->Fetch(request->hospital());
  if (!next.ok()) return ToGrpc(next.status());
  *task = *std::move(next);
  // The hospital learns it from the answer.
  SetRound(context, {task->run(), task->has_round() ? std::optional<uint64_t>(task->round()) : std::nullopt});
  return grpc::Status::OK;
}

grpc::Status TrainingService::SubmitResult(grpc::ServerContext* context, const v1::Result* result,
                                           v1::SubmitResultResponse*) {
  AddNote(context);
  return ToGrpc(board_->Deliver(*result));
}

}  // namespace fedcarbon::demo
