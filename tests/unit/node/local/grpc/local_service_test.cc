// Sessions over a real Unix socket.
#include "node/local/grpc/local_service.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "node/local/local_session.h"
#include "node/sockets/socket.h"
#include "tests/unit/meter/collector.h"

namespace fedcarbon::node {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class LocalServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "fedcarbon-local-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path_ = folder_ + "/socket";
  }

  void TearDown() override {
    service_.reset();
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }

  absl::Status Start() {
    absl::StatusOr<std::unique_ptr<LocalService>> service =
        LocalService::Start(path_, meter_.meter, &rounds_);
    if (service.ok()) service_ = *std::move(service);
    return service.status();
  }

  ManualMeter meter_;
  OpenRounds rounds_;
  std::string folder_, path_;
  std::unique_ptr<LocalService> service_;
};

/// A script; each on a connection of its own.
class Script {
 public:
  explicit Script(const std::string& path) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::LocalService::NewStub(
        grpc::CreateCustomChannel("unix:" + path, grpc::InsecureChannelCredentials(), arguments));
    stream_ = stub_->Session(&context_);
  }

  /// The answer; its status is -1 if there is none.
  v1::LocalAnswer Send(const v1::LocalEvent& event) {
    v1::LocalAnswer answer;
    if (!stream_->Write(event) || !stream_->Read(&answer)) answer.set_status(static_cast<uint32_t>(-1));
    return answer;
  }

  void BeginSpan() {
    v1::LocalEvent event;
    event.mutable_begin_span()->set_kind(v1::SPAN_KIND_TRAIN);
    EXPECT_EQ(Send(event).status(), 0u);
  }

  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() { return stream_->Finish(); }

 private:
  std::unique_ptr<v1::LocalService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::LocalEvent, v1::LocalAnswer>> stream_;
};

TEST_F(LocalServiceTest, AHalfClosedSessionAbandonsWhatIsOpen) {
  ASSERT_TRUE(Start().ok());
  Script script(path_);
  script.BeginSpan();
  script.HalfClose();
  EXPECT_TRUE(script.Finish().ok());
  const std::vector<Span> spans = meter_.sink->Await<Span>(1);
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].outcome, v1::OUTCOME_ABANDONED);
}

TEST_F(LocalServiceTest, ACancelledSessionFailsWhatIsOpen) {
  ASSERT_TRUE(Start().ok());
  Script script(path_);
  script.BeginSpan();
  script.Cancel();
  const std::vector<Span> spans = meter_.sink->Await<Span>(1);
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(script.Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(LocalServiceTest, TheDaemonsEndAbandonsWhatIsOpen) {
  ASSERT_TRUE(Start().ok());
  Script script(path_);
  script.BeginSpan();
  service_.reset();
  const std::vector<Span> spans = meter_.sink->All<Span>();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].outcome, v1::OUTCOME_ABANDONED);
  EXPECT_FALSE(script.Finish().ok());
}

TEST_F(LocalServiceTest, ARefusedEventLeavesTheSessionAsItWas) {
  ASSERT_TRUE(Start().ok());
  Script script(path_);
  script.BeginSpan();
  v1::LocalEvent early;
  early.mutable_begin_round()->set_round(1);
  const v1::LocalAnswer answer = script.Send(early);
  EXPECT_EQ(answer.status(), static_cast<uint32_t>(grpc::StatusCode::INVALID_ARGUMENT));
  EXPECT_THAT(answer.message(), HasSubstr("send BeginRun before BeginRound"));
  v1::LocalEvent end;
  end.mutable_end_span();
  EXPECT_EQ(script.Send(end).status(), 0u);
  ASSERT_THAT(meter_.sink->All<Span>(), SizeIs(1));
  EXPECT_EQ(meter_.sink->All<Span>()[0].outcome, v1::OUTCOME_COMPLETED);
}

// Who encodes by hand makes mistakes.
TEST_F(LocalServiceTest, BytesThatAreNoEventAreNamed) {
  ASSERT_TRUE(Start().ok());
  const std::shared_ptr<grpc::Channel> channel =
      grpc::CreateChannel("unix:" + path_, grpc::InsecureChannelCredentials());
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto stream = stub.PrepareCall(&context, "/fedcarbon.v1.LocalService/Session", &queue);
  stream->StartCall(nullptr);
  ASSERT_TRUE(next());
  const grpc::Slice nonsense("\x0a\x7f");  // a message longer than what is there
  stream->Write(grpc::ByteBuffer(&nonsense, 1), nullptr);
  ASSERT_TRUE(next());
  grpc::ByteBuffer bytes;
  stream->Read(&bytes, nullptr);
  ASSERT_TRUE(next());
  v1::LocalAnswer answer;
  ASSERT_TRUE(grpc::SerializationTraits<v1::LocalAnswer>::Deserialize(&bytes, &answer).ok());
  EXPECT_EQ(answer.status(), static_cast<uint32_t>(grpc::StatusCode::INVALID_ARGUMENT));
  EXPECT_THAT(answer.message(), HasSubstr("no fedcarbon.v1.LocalEvent"));
  context.TryCancel();
  grpc::Status status;
  stream->Finish(&status, nullptr);
  next();
}

TEST_F(LocalServiceTest, EventsHaveALimit) {
  ASSERT_TRUE(Start().ok());
  const auto event_of = [](int bytes) {
    v1::LocalEvent event;
    event.mutable_begin_run()->set_run("study");
    event.mutable_begin_run()->set_name(std::string(bytes - 13, 'n'));
    EXPECT_EQ(event.ByteSizeLong(), static_cast<size_t>(bytes));
    return event;
  };
  Script script(path_);
  EXPECT_THAT(script.Send(event_of(LocalService::kMaxEventBytes)).message(), HasSubstr("the run's name"));
  EXPECT_EQ(script.Send(event_of(LocalService::kMaxEventBytes + 1)).status(), static_cast<uint32_t>(-1));
  EXPECT_EQ(script.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(LocalServiceTest, SessionsHaveALimit) {
  ASSERT_TRUE(Start().ok());
  std::vector<std::unique_ptr<Script>> scripts;
  for (size_t i = 0; i < LocalService::kMaxSessions; ++i) {
    scripts.push_back(std::make_unique<Script>(path_));
    scripts.back()->BeginSpan();
  }
  Script one_more(path_);
  const grpc::Status refused = one_more.Finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("256 sessions"));
  for (auto& script : scripts) script->HalfClose();
  for (auto& script : scripts) EXPECT_TRUE(script->Finish().ok());
  EXPECT_THAT(meter_.sink->Await<Span>(LocalService::kMaxSessions), SizeIs(LocalService::kMaxSessions));
  Script next(path_);
  next.BeginSpan();
}

TEST_F(LocalServiceTest, ItsSocketIsForUserAndGroup) {
  ASSERT_TRUE(Start().ok());
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  service_.reset();
  EXPECT_NE(stat(path_.c_str(), &info), 0);
}

TEST_F(LocalServiceTest, ASocketThatWasLeftBehindIsReplaced) {
  Endpoint endpoint;
  endpoint.unix_path = path_;
  ASSERT_TRUE(Listen(endpoint).ok());  // and closed
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  ASSERT_TRUE(Start().ok());
  Script(path_).BeginSpan();
}

TEST_F(LocalServiceTest, ASocketThatSomebodyListensOnIsLeftAlone) {
  ASSERT_TRUE(Start().ok());
  const std::unique_ptr<LocalService> first = std::move(service_);
  const absl::Status refused = Start();
  EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(path_));
  Script(path_).BeginSpan();
}

TEST_F(LocalServiceTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(Start().code(), absl::StatusCode::kAlreadyExists);
  std::string text;
  std::ifstream(path_) >> text;
  EXPECT_EQ(text, "precious");
}

}  // namespace
}  // namespace fedcarbon::node
