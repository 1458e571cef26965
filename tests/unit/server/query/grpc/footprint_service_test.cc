// The service and its client through a real channel.
#include "server/query/grpc/footprint_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "fedcarbon/report/batch_builder.h"
#include "server/cli/client.h"
#include "tests/unit/server/query/federation.h"

namespace fedcarbon::server {
namespace {

using Stub = v1::FootprintService::Stub;
using ::testing::HasSubstr;

class FootprintServiceTest : public ::testing::Test {
 protected:
  FootprintServiceTest() : service_(&federation_.query()) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    client_.emplace(cli::Client::Connect(address_, false).value());
  }

  Federation federation_;
  FootprintServiceImpl service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::optional<cli::Client> client_;
};

TEST_F(FootprintServiceTest, AnswersAndErrorsComeThroughAsTheyAre) {
  federation_.Add(Facts("paris", 1).Describe("FRA").Computed({"flower:1", 0}, absl::Hours(1)));
  v1::GetRunRequest request;
  EXPECT_EQ(client_->Call(&Stub::GetRun, request).value().run().id(), "flower:1");
  request.set_run("x");
  EXPECT_EQ(client_->Call(&Stub::GetRun, request).status(),
            absl::NotFoundError("there is no run 'x'; there are: flower:1"));
}

TEST_F(FootprintServiceTest, WatchingEndsWithTheRun) {
  federation_.Add(Facts("paris", 1).Computed({"flower:1", 0}, absl::Hours(1)));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  const auto reader = client_->stub()->WatchRun(&context, v1::WatchRunRequest());
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.run().run().state(), v1::Run::STATE_RUNNING);
  EXPECT_EQ(response.rounds_size(), 1);
  federation_.Add(Facts("paris", 1).Ended("flower:1", v1::OUTCOME_FAILED, kStart));
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.run().run().state(), v1::Run::STATE_FAILED);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(FootprintServiceTest, AWatcherOfTheNextRunWaitsForIt) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  const auto reader = client_->stub()->WatchRun(&context, v1::WatchRunRequest());
  federation_.Add(Facts("paris", 1).Started("flower:1").Ended("flower:1", v1::OUTCOME_COMPLETED, kStart));
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.run().run().id(), "flower:1");
}

TEST_F(FootprintServiceTest, TransfersOfARunAreStreamed) {
  Transfer transfer;
  transfer.call_id = 7;
  transfer.end = v1::END_CLIENT;
  transfer.observer = v1::OBSERVER_INTERCEPTOR;
  transfer.peer = "warsaw";
  transfer.method = "/demo.Training/Fit";
  transfer.round = {"flower:1", 0};
  transfer.start = kStart;
  transfer.status = 0;
  transfer.sent.messages = 1;
  transfer.sent.kind = v1::COUNT_KIND_SERIALIZED;
  transfer.sent.message_bytes = Bytes(1000);
  BatchBuilder builder(kMaxSealedBatchBytes);
  ASSERT_TRUE(builder.Add(transfer));
  Submission submission = Facts("paris", 1).Started("flower:1").submission();
  submission.id.sequence = 1;
  submission.sealed = builder.Seal(submission.id, {kStart, absl::Hours(1), "boot"});
  ASSERT_TRUE(federation_.store().Append({submission}).ok());

  const auto count = [&](const v1::ListTransfersRequest& request) {
    grpc::ClientContext context;
    const auto reader = client_->stub()->ListTransfers(&context, request);
    v1::TransferPair pair;
    int transfers = 0;
    while (reader->Read(&pair)) ++transfers;
    EXPECT_TRUE(reader->Finish().ok());
    return transfers;
  };
  v1::ListTransfersRequest request;
  EXPECT_EQ(count(request), 1);
  request.set_round(0);
  request.set_node("warsaw");
  request.set_method("/demo.Training/Fit");
  EXPECT_EQ(count(request), 1);
  request.set_round(1);
  EXPECT_EQ(count(request), 0);
  request.clear_round();
  request.set_node("rome");
  EXPECT_EQ(count(request), 0);
  request.Clear();
  request.set_unattributed(true);
  EXPECT_EQ(count(request), 0);
}

TEST_F(FootprintServiceTest, ACoordinatorThatIsNotThereIsNamedWithTheRemedy) {
  server_->Shutdown();
  const absl::Status status = client_->Call(&Stub::GetRun, v1::GetRunRequest()).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no coordinator answers at " + address_));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--coordinator HOST:PORT"));
}

}  // namespace
}  // namespace fedcarbon::server
