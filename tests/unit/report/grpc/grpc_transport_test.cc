#include "fedcarbon/report/grpc/grpc_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "fedcarbon/report/batch_builder.h"
#include "tests/unit/report/grpc/report_server.h"

namespace fedcarbon {
namespace {

using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::ReportServer;

/// Waits for what a stream tells.
class Listener : public StreamListener {
 public:
  void OnResponse(v1::ReportResponse response) override {
    MutexLock lock(&mutex_);
    responses_.push_back(std::move(response));
    changed_.NotifyAll();
  }
  void OnEnd(absl::Status status) override {
    MutexLock lock(&mutex_);
    end_ = std::move(status);
    changed_.NotifyAll();
  }

  std::optional<v1::ReportResponse> NextResponse() {
    MutexLock lock(&mutex_);
    while (responses_.empty() && !end_ && changed_.WaitFor(&mutex_, absl::Minutes(1))) {
    }
    if (responses_.empty()) return std::nullopt;
    v1::ReportResponse response = std::move(responses_.front());
    responses_.pop_front();
    return response;
  }
  absl::Status End() {
    MutexLock lock(&mutex_);
    while (!end_ && changed_.WaitFor(&mutex_, absl::Minutes(1))) {
    }
    return end_.value_or(absl::UnknownError("no end within a minute"));
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::ReportResponse> responses_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

v1::ReportRequest Greeting() {
  v1::ReportRequest request;
  request.mutable_greeting()->set_node("hospital-a");
  request.mutable_greeting()->set_epoch(7);
  request.mutable_greeting()->set_oldest_sequence(1);
  return request;
}

v1::ReportRequest BatchRequest(uint64_t sequence, const std::string& boot_id = "") {
  BatchBuilder builder(kMaxSealedBatchBytes);
  builder.Add(Span());
  v1::ReportRequest request;
  request.set_sealed_batch(builder.Seal({"hospital-a", 7, sequence}, {absl::Now(), {}, boot_id}));
  return request;
}

class GrpcTransportTest : public ::testing::Test {
 protected:
  FakeCoordinator coordinator_{Clock::System()};
  ReportServer server_{&coordinator_};
  GrpcTransport transport_{server_.address()};
  Listener listener_;
};

TEST_F(GrpcTransportTest, RequestsArriveInOrderAndAreAnswered) {
  auto stream = transport_.Open(&listener_);
  stream->Send(Greeting());
  for (uint64_t sequence = 1; sequence <= 50; ++sequence) stream->Send(BatchRequest(sequence));
  for (uint64_t watermark = 0; watermark <= 50; ++watermark) {
    const auto response = listener_.NextResponse();
    ASSERT_TRUE(response.has_value()) << listener_.End();
    EXPECT_EQ(response->watermark(), watermark);
  }
}

TEST_F(GrpcTransportTest, LargestBatchPasses) {
  auto stream = transport_.Open(&listener_);
  v1::SealedBatch sealed;
  sealed.ParseFromString(BatchRequest(1).sealed_batch());
  sealed.set_signature(std::string(kMaxSealedBatchBytes - sealed.ByteSizeLong() - 4, 's'));
  v1::ReportRequest request;
  request.set_sealed_batch(sealed.SerializeAsString());
  ASSERT_EQ(request.sealed_batch().size(), kMaxSealedBatchBytes);
  stream->Send(Greeting());
  stream->Send(request);
  ASSERT_TRUE(listener_.NextResponse().has_value());
  const auto response = listener_.NextResponse();
  ASSERT_TRUE(response.has_value()) << listener_.End();
  EXPECT_EQ(response->watermark(), 1u);
}

TEST_F(GrpcTransportTest, StatusOfTheCoordinatorArrivesWithItsMessage) {
  coordinator_.RefuseGreetings(absl::FailedPreconditionError("format 2 is newer"));
  auto stream = transport_.Open(&listener_);
  stream->Send(Greeting());
  const absl::Status end = listener_.End();
  EXPECT_EQ(end.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(end.message()), HasSubstr("format 2 is newer"));
  stream->Send(BatchRequest(1));  // without effect
}

TEST_F(GrpcTransportTest, NobodyListeningEndsTheStreamAsUnavailable) {
  server_.Stop();
  auto stream = transport_.Open(&listener_);
  stream->Send(Greeting());
  EXPECT_TRUE(absl::IsUnavailable(listener_.End()));
}

TEST_F(GrpcTransportTest, ServerThatStopsEndsTheStreamAndTheNextOneFindsItAgain) {
  auto stream = transport_.Open(&listener_);
  stream->Send(Greeting());
  ASSERT_TRUE(listener_.NextResponse().has_value());
  server_.Stop();
  EXPECT_FALSE(listener_.End().ok());
  stream.reset();
  server_.Start();
  ASSERT_TRUE(server_.is_running());
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (absl::Now() < deadline) {  // the channel has a backoff of its own
    Listener again;
    auto next = transport_.Open(&again);
    next->Send(Greeting());
    if (again.NextResponse().has_value()) return;
  }
  FAIL() << "not connected within a minute";
}

TEST_F(GrpcTransportTest, DestroyingAStreamAtAnyMomentReturnsAndSilencesIt) {
  for (int i = 0; i < 50; ++i) {
    Listener listener;
    auto stream = transport_.Open(&listener);
    if (i % 4 != 0) stream->Send(Greeting());
    if (i % 4 == 2) listener.NextResponse();
    if (i % 4 == 3) {
      for (uint64_t sequence = 1; sequence <= 10; ++sequence) stream->Send(BatchRequest(sequence));
    }
    stream.reset();
  }
}

}  // namespace
}  // namespace fedcarbon
