// FootprintService over gRPC: FootprintQuery's answers, as they are.
#pragma once

#include "fedcarbon/v1/footprint.grpc.pb.h"
#include "server/query/footprint_query.h"

namespace fedcarbon::server {

/// Thread-safe.
class FootprintServiceImpl final : public v1::FootprintService::Service {
 public:
  /// `query` must outlive this.
  explicit FootprintServiceImpl(FootprintQuery* query) : query_(query) {}

  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override;
  grpc::Status GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                      v1::RunFootprint* response) override;
  grpc::Status ListRounds(grpc::ServerContext* context, const v1::ListRoundsRequest* request,
                          v1::ListRoundsResponse* response) override;
  grpc::Status GetRound(grpc::ServerContext* context, const v1::GetRoundRequest* request,
                        v1::RoundFootprint* response) override;
  grpc::Status GetNode(grpc::ServerContext* context, const v1::GetNodeRequest* request,
                       v1::NodeRounds* response) override;
  grpc::Status ListTransfers(grpc::ServerContext* context, const v1::ListTransfersRequest* request,
                             grpc::ServerWriter<v1::TransferPair>* writer) override;
  grpc::Status WatchRun(grpc::ServerContext* context, const v1::WatchRunRequest* request,
                        grpc::ServerWriter<v1::WatchRunResponse>* writer) override;
  grpc::Status ListFactors(grpc::ServerContext* context, const v1::ListFactorsRequest* request,
                           v1::ListFactorsResponse* response) override;

 private:
  /// The run with its last rounds.
  absl::StatusOr<v1::WatchRunResponse> Watch(const v1::WatchRunRequest& request);

  FootprintQuery* const query_;
};

}  // namespace fedcarbon::server
