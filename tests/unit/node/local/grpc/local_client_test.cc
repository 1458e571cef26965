#include "node/local/grpc/local_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "node/local/grpc/local_service.h"
#include "node/sockets/socket.h"
#include "tests/unit/meter/collector.h"

namespace fedcarbon::node {
namespace {

using ::testing::SizeIs;

constexpr absl::Duration kLong = absl::Seconds(60);

v1::LocalEvent BeginSpan() {
  v1::LocalEvent event;
  event.mutable_begin_span()->set_kind(v1::SPAN_KIND_TRAIN);
  return event;
}

v1::LocalEvent SpanEnd() {
  v1::LocalEvent event;
  event.mutable_end_span();
  return event;
}

class LocalClientTest : public ::testing::Test {
 protected:
  LocalClientTest() {
    std::string folder = ::testing::TempDir() + "fedcarbon-local-XXXXXX";
    folder_ = mkdtemp(folder.data());
    path_ = folder_ + "/socket";
  }
  ~LocalClientTest() override {
    service_.reset();
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }

  void Start() { service_ = *LocalService::Start(path_, meter_.meter, &rounds_); }

  ManualMeter meter_;
  OpenRounds rounds_;
  std::string folder_, path_;
  std::unique_ptr<LocalService> service_;
};

TEST_F(LocalClientTest, SaysAndCloses) {
  Start();
  LocalClient client(path_);
  EXPECT_TRUE(client.Send(BeginSpan(), kLong).ok());
  EXPECT_TRUE(client.Send(SpanEnd(), kLong).ok());
  EXPECT_THAT(meter_.sink->All<Span>(), SizeIs(1));
  EXPECT_TRUE(client.Close(kLong).ok());
  EXPECT_EQ(client.Send(BeginSpan(), kLong).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(LocalClientTest, GoesOnAfterARefusal) {
  Start();
  LocalClient client(path_);
  EXPECT_EQ(client.Send(SpanEnd(), kLong).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(client.Send(BeginSpan(), kLong).ok());
}

TEST_F(LocalClientTest, ItsEndWithoutACloseIsADeath) {
  Start();
  {
    LocalClient client(path_);
    EXPECT_TRUE(client.Send(BeginSpan(), kLong).ok());
  }
  const auto spans = meter_.sink->Await<Span>(1);
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].outcome, v1::OUTCOME_FAILED);
}

TEST_F(LocalClientTest, TellsThatThereIsNoDaemon) {
  LocalClient client(path_);
  const absl::Status failed = client.Send(BeginSpan(), kLong);
  EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(client.Send(BeginSpan(), kLong), failed);
}

TEST_F(LocalClientTest, TellsThatTheDaemonHasGone) {
  Start();
  LocalClient client(path_);
  EXPECT_TRUE(client.Send(BeginSpan(), kLong).ok());
  service_.reset();
  EXPECT_FALSE(client.Send(SpanEnd(), kLong).ok());
}

TEST_F(LocalClientTest, WaitsNoLongerThanItIsTold) {
  Endpoint endpoint;
  endpoint.unix_path = path_;
  const absl::StatusOr<FileDescriptor> silent = Listen(endpoint);  // and nobody answers
  ASSERT_TRUE(silent.ok());
  LocalClient client(path_);
  const absl::Status failed = client.Send(BeginSpan(), absl::Milliseconds(50));
  EXPECT_EQ(failed.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(client.Close(kLong), failed);
}

}  // namespace
}  // namespace fedcarbon::node
