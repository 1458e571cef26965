#include "server/query/grpc/footprint_service.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "fedcarbon/status/grpc/status.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

constexpr auto kWatchInterval = std::chrono::seconds(1);
// A watcher that left, or a server that ends, is noticed within this.
constexpr auto kCancelInterval = std::chrono::milliseconds(50);
constexpr uint32_t kWatchedRounds = 10;
// After a run's end a watch looks on until nothing has changed so often: nodes seal their last facts up to a
// batch interval after the one that tells of the end.
constexpr int kLooksAfterEnd = 2;

template <typename Response>
grpc::Status Answer(absl::StatusOr<Response> answer, Response* response) {
  if (!answer.ok()) return ToGrpc(answer.status());
  *response = *std::move(answer);
  return grpc::Status::OK;
}

/// Waits for the watch's interval; false if the caller left.
bool WaitUnlessCancelled(const grpc::ServerContext& context) {
  const auto end = std::chrono::steady_clock::now() + kWatchInterval;
  while (std::chrono::steady_clock::now() < end) {
    if (context.IsCancelled()) return false;
    std::this_thread::sleep_for(kCancelInterval);
  }
  return !context.IsCancelled();
}

bool Ended(v1::Run::State state) {
  return state == v1::Run::STATE_COMPLETED || state == v1::Run::STATE_FAILED ||
         state == v1::Run::STATE_ABANDONED;
}

}  // namespace

grpc::Status FootprintServiceImpl::ListRuns(grpc::ServerContext*, const v1::ListRunsRequest* request,
                                            v1::ListRunsResponse* response) {
  return Answer(query_->ListRuns(*request), response);
}

grpc::Status FootprintServiceImpl::GetRun(grpc::ServerContext*, const v1::GetRunRequest* request,
                                          v1::RunFootprint* response) {
  return Answer(query_->GetRun(*request), response);
}

grpc::Status FootprintServiceImpl::ListRounds(grpc::ServerContext*, const v1::ListRoundsRequest* request,
                                              v1::ListRoundsResponse* response) {
  return Answer(query_->ListRounds(*request), response);
}

grpc::Status FootprintServiceImpl::GetRound(grpc::ServerContext*, const v1::GetRoundRequest* request,
                                            v1::RoundFootprint* response) {
  return Answer(query_->GetRound(*request), response);
}

grpc::Status FootprintServiceImpl::GetNode(grpc::ServerContext*, const v1::GetNodeRequest* request,
                                           v1::NodeRounds* response) {
  return Answer(query_->GetNode(*request), response);
}

grpc::Status FootprintServiceImpl::ListFactors(grpc::ServerContext*, const v1::ListFactorsRequest* request,
                                               v1::ListFactorsResponse* response) {
  return Answer(query_->ListFactors(*request), response);
}

grpc::Status FootprintServiceImpl::ListTransfers(grpc::ServerContext* context,
                                                 const v1::ListTransfersRequest* request,
                                                 grpc::ServerWriter<v1::TransferPair>* writer) {
  return ToGrpc(query_->ListTransfers(*request, [&](const v1::TransferPair& pair) {
    return !context->IsCancelled() && writer->Write(pair);
  }));
}

absl::StatusOr<v1::WatchRunResponse> FootprintServiceImpl::Watch(const v1::WatchRunRequest& request) {
  v1::GetRunRequest run;
  run.set_run(request.run());
  *run.mutable_method() = request.method();
  v1::WatchRunResponse response;
  ASSIGN_OR_RETURN(*response.mutable_run(), query_->GetRun(run));
  v1::ListRoundsRequest rounds;
  rounds.set_run(response.run().run().id());
  *rounds.mutable_method() = request.method();
  google::protobuf::RepeatedPtrField<v1::RoundSummary> all;
  do {
    ASSIGN_OR_RETURN(const v1::ListRoundsResponse page, query_->ListRounds(rounds));
    all.MergeFrom(page.rounds());
    rounds.set_page_token(page.next_page_token());
  } while (!rounds.page_token().empty());
  for (int i = std::max(0, all.size() - static_cast<int>(kWatchedRounds)); i < all.size(); ++i) {
    *response.add_rounds() = std::move(all[i]);
  }
  return response;
}

grpc::Status FootprintServiceImpl::WatchRun(grpc::ServerContext* context, const v1::WatchRunRequest* request,
                                            grpc::ServerWriter<v1::WatchRunResponse>* writer) {
  v1::WatchRunRequest watched = *request;
  uint64_t version = 0;
  v1::Run::State state = v1::Run::STATE_UNSPECIFIED;
  int unchanged = 0;
  do {
    auto response = Watch(watched);
    if (!response.ok()) {
      // Of an unnamed run the first one may be yet to come.
      if (watched.run().empty() && absl::IsNotFound(response.status())) continue;
      return ToGrpc(response.status());
    }
    const v1::Run& run = response->run().run();
    if (run.version() == version && run.state() == state) {
      if (Ended(state) && ++unchanged == kLooksAfterEnd) return grpc::Status::OK;
      continue;
    }
    unchanged = 0;
    watched.set_run(run.id());
    version = run.version();
    state = run.state();
    if (!writer->Write(*response)) return grpc::Status::OK;
  } while (WaitUnlessCancelled(*context));
  return grpc::Status::CANCELLED;
}

}  // namespace fedcarbon::server
