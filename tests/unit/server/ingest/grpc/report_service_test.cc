// The report service over a real channel, with the store in memory.
#include "server/ingest/grpc/report_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "fedcarbon/report/batch_builder.h"
#include "server/ingest/report_session.h"
#include "server/store/memory_store.h"

namespace fedcarbon::server {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kStreamEpoch = 7;
const absl::Time kArrival = absl::FromUnixSeconds(1'700'000'000);

std::string Sealed(uint64_t sequence, const std::string& node = "a.example", uint64_t epoch = kStreamEpoch) {
  BatchBuilder builder(kMaxSealedBatchBytes);
  Span span;
  span.round = {"run", sequence};
  span.start = kArrival;
  span.wall = absl::Seconds(1);
  builder.Add(span);
  return builder.Seal({node, epoch, sequence}, {kArrival, absl::ZeroDuration(), "boot"});
}

v1::ReportRequest Greeting(uint64_t oldest, const std::string& node = "a.example") {
  v1::ReportRequest request;
  request.mutable_greeting()->set_node(node);
  request.mutable_greeting()->set_epoch(kStreamEpoch);
  request.mutable_greeting()->set_oldest_sequence(oldest);
  request.set_sent_us(11);
  return request;
}

v1::ReportRequest Batch(const std::string& sealed) {
  v1::ReportRequest request;
  request.set_sealed_batch(sealed);
  request.set_sent_us(22);
  return request;
}

class ReportService : public ::testing::Test {
 protected:
  ReportService() : service_(&ingestor_, &clock_, &metrics_) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::ReportService::NewStub(server_->InProcessChannel({}));
  }
  ~ReportService() override { server_->Shutdown(std::chrono::system_clock::now()); }

  using Stream = grpc::ClientReaderWriter<v1::ReportRequest, v1::ReportResponse>;

  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream;

    // The next answer's watermark; -1 at the end.
    int64_t Read() { return stream->Read(&response) ? static_cast<int64_t>(response.watermark()) : -1; }
    // Reads until the watermark is reached: answers may be joined.
    void ReadUntil(int64_t watermark) {
      int64_t at;
      do {
        at = Read();
      } while (at >= 0 && at < watermark);
      EXPECT_EQ(at, watermark);
    }
    grpc::Status End() {
      stream->WritesDone();
      while (Read() >= 0) {
      }
      return stream->Finish();
    }
    v1::ReportResponse response;
  };

  std::unique_ptr<Call> Open() {
    auto call = std::make_unique<Call>();
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    call->stream = stub_->Report(&call->context);
    return call;
  }

  // Sends requests on a stream of their own; how it ended.
  grpc::Status EndOf(const std::vector<v1::ReportRequest>& requests) {
    const auto call = Open();
    for (const auto& request : requests) call->stream->Write(request);
    return call->End();
  }

  uint64_t Watermark() { return store_.Watermark("a.example", kStreamEpoch).value(); }

  MemoryStore store_;
  ManualClock clock_{kArrival};
  Metrics metrics_;
  Ingestor ingestor_{&store_, &clock_, &metrics_};
  ReportServiceImpl service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::ReportService::Stub> stub_;
};

TEST_F(ReportService, GreetingIsAnsweredWithWatermarkAndTimes) {
  const auto call = Open();
  call->stream->Write(Greeting(1));
  EXPECT_EQ(call->Read(), 0);
  EXPECT_EQ(call->response.request_sent_us(), 11);
  EXPECT_EQ(call->response.request_received_us(), absl::ToUnixMicros(kArrival));
  EXPECT_EQ(call->response.response_sent_us(), absl::ToUnixMicros(kArrival));
  EXPECT_TRUE(call->End().ok());
}

TEST_F(ReportService, BatchesAreAcknowledgedOnceCommitted) {
  const auto call = Open();
  call->stream->Write(Greeting(1));
  EXPECT_EQ(call->Read(), 0);
  call->stream->Write(Batch(Sealed(1)));
  EXPECT_EQ(call->Read(), 1);
  EXPECT_EQ(call->response.request_sent_us(), 22);
  EXPECT_EQ(Watermark(), 1u);
  for (uint64_t sequence = 2; sequence <= 500; ++sequence) call->stream->Write(Batch(Sealed(sequence)));
  call->ReadUntil(500);
  EXPECT_TRUE(call->End().ok());
  EXPECT_EQ(store_.LastPosition().value(), 500u);
  EXPECT_EQ(metrics_.batches_accepted, 500u);
}

TEST_F(ReportService, EverythingTwiceChangesNothing) {
  for (int time = 0; time < 2; ++time) {
    const auto call = Open();
    call->stream->Write(Greeting(1));
    for (uint64_t sequence = 1; sequence <= 20; ++sequence) {
      call->stream->Write(Batch(Sealed(sequence)));
      call->stream->Write(Batch(Sealed(sequence)));
    }
    call->ReadUntil(20);
    EXPECT_TRUE(call->End().ok());
  }
  EXPECT_EQ(store_.LastPosition().value(), 20u);
  EXPECT_EQ(metrics_.batches_duplicate, 60u);
}

TEST_F(ReportService, WhatCameBeforeTheClientsEndIsAcknowledged) {
  const auto call = Open();
  call->stream->Write(Greeting(1));
  for (uint64_t sequence = 1; sequence <= 10; ++sequence) call->stream->Write(Batch(Sealed(sequence)));
  call->stream->WritesDone();
  call->ReadUntil(10);
  EXPECT_EQ(call->Read(), -1);
  EXPECT_TRUE(call->stream->Finish().ok());
}

TEST_F(ReportService, MalformedBatchEndsTheStreamAfterItsPredecessorsAreAcknowledged) {
  const auto call = Open();
  call->stream->Write(Greeting(1));
  call->stream->Write(Batch(Sealed(1)));
  call->stream->Write(Batch("no batch"));
  call->ReadUntil(1);
  EXPECT_EQ(call->Read(), -1);
  EXPECT_EQ(call->stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(metrics_.batches_refused, 1u);
}

TEST_F(ReportService, EachWrongRequestHasItsCode) {
  EXPECT_EQ(EndOf({Batch(Sealed(1))}).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << "no greeting";
  EXPECT_EQ(EndOf({v1::ReportRequest()}).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << "empty";
  EXPECT_EQ(EndOf({Greeting(1), Greeting(1)}).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << "twice";
  EXPECT_EQ(EndOf({Greeting(1, "No_Name")}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(EndOf({Greeting(0)}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(EndOf({Greeting(kMaxStored + 1)}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(EndOf({Greeting(1), Batch(Sealed(2))}).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  const grpc::Status other_node = EndOf({Greeting(1), Batch(Sealed(1, "b.example"))});
  EXPECT_EQ(other_node.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(other_node.error_message(), HasSubstr("b.example"));
  EXPECT_EQ(EndOf({Greeting(1), Batch(Sealed(1, "a.example", 8))}).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(EndOf({Greeting(1), Batch(std::string(kMaxSealedBatchBytes + 1, 'x'))}).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(store_.LastPosition().value(), 0u);
}

TEST_F(ReportService, NewerFormatIsForTheNodeToKeep) {
  v1::Batch batch;
  batch.set_format(kBatchFormat + 1);
  batch.set_node("a.example");
  batch.set_epoch(kStreamEpoch);
  batch.set_sequence(1);
  v1::SealedBatch sealed;
  sealed.set_batch(batch.SerializeAsString());
  EXPECT_EQ(EndOf({Greeting(1), Batch(sealed.SerializeAsString())}).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ReportService, BatchesThatTheNodeLostBecomeAGap) {
  EXPECT_TRUE(EndOf({Greeting(1), Batch(Sealed(1))}).ok());
  const auto call = Open();
  call->stream->Write(Greeting(5));
  EXPECT_EQ(call->Read(), 4);
  call->stream->Write(Batch(Sealed(5)));
  EXPECT_EQ(call->Read(), 5);
  EXPECT_TRUE(call->End().ok());
  const auto gaps = store_.ListGaps(absl::InfinitePast(), absl::InfiniteFuture()).value();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].gap.reason, v1::Gap::REASON_LOST_BATCHES);
  EXPECT_THAT(gaps[0].gap.detail, HasSubstr("2 to 4"));
}

TEST_F(ReportService, NodeThatReadsNoAnswersHoldsUpNobody) {
  const auto silent = Open();
  silent->stream->Write(Greeting(1));
  for (uint64_t sequence = 1; sequence <= 200; ++sequence) silent->stream->Write(Batch(Sealed(sequence)));
  const auto call = Open();
  call->stream->Write(Greeting(1, "b.example"));
  EXPECT_EQ(call->Read(), 0);
  EXPECT_TRUE(call->End().ok());
  silent->context.TryCancel();
}

TEST_F(ReportService, CancelledStreamLeavesWhatItSentCommittedOrNot) {
  for (int i = 0; i < 20; ++i) {
    const auto call = Open();
    call->stream->Write(Greeting(1));
    for (uint64_t sequence = 1; sequence <= 30; ++sequence) call->stream->Write(Batch(Sealed(sequence)));
    call->context.TryCancel();
    call->stream->Finish();
  }
  EXPECT_TRUE(EndOf({Greeting(1)}).ok());
  EXPECT_EQ(store_.LastPosition().value(), Watermark());
}

TEST_F(ReportService, DrainAcknowledgesWhatIsCommittedAndRefusesNewStreams) {
  const auto call = Open();
  call->stream->Write(Greeting(1));
  EXPECT_EQ(call->Read(), 0);
  call->stream->Write(Batch(Sealed(1)));
  EXPECT_EQ(call->Read(), 1);
  service_.Drain();
  EXPECT_EQ(call->Read(), -1);
  EXPECT_EQ(call->stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(EndOf({Greeting(1)}).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ReportService, OneStreamMoreThanTheLimitIsRefused) {
  std::vector<std::unique_ptr<Call>> calls;
  for (size_t i = 0; i < ReportServiceImpl::kMaxStreams; ++i) {
    calls.push_back(Open());
    calls.back()->stream->Write(Greeting(1));
    ASSERT_EQ(calls.back()->Read(), 0);
  }
  EXPECT_EQ(metrics_.report_streams, static_cast<int64_t>(ReportServiceImpl::kMaxStreams));
  EXPECT_EQ(EndOf({Greeting(1)}).error_code(), grpc::StatusCode::UNAVAILABLE);
  for (const auto& call : calls) EXPECT_TRUE(call->End().ok());
}

}  // namespace
}  // namespace fedcarbon::server
