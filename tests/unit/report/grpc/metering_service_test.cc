#include "fedcarbon/report/grpc/metering_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "fedcarbon/report/grpc/coordinator_address.h"
#include "tests/unit/report/grpc/report_server.h"

namespace fedcarbon {
namespace {

using ::testing::AllOf;
using testing::FakeCoordinator;
using ::testing::HasSubstr;
using testing::ReportServer;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr const char* kVariables[] = {"FEDCARBON_NODE",     "FEDCARBON_COORDINATOR", "FEDCARBON_COUNTRY",
                                      "FEDCARBON_LINK",     "FEDCARBON_PUE",         "FEDCARBON_KEEP",
                                      "FEDCARBON_DISABLED", "FEDCARBON_INSECURE"};

class MeteringServiceTest : public ::testing::Test {
 protected:
  MeteringServiceTest() {
    for (const char* variable : kVariables) unsetenv(variable);
  }
  ~MeteringServiceTest() override {
    for (const char* variable : kVariables) unsetenv(variable);
  }

  MeteringServiceOptions Options() const {
    MeteringServiceOptions options;
    options.node = "hospital-a";
    options.coordinator = server_.address();
    options.batch_interval = absl::Milliseconds(10);
    return options;
  }

  /// Of the run events that were committed, in order.
  std::vector<std::string> CommittedRunNames() const {
    std::vector<std::string> names;
    for (const OpenedBatch& opened : coordinator_.Opened()) {
      for (const v1::RunEvent& event : opened.batch.run_events()) names.push_back(event.name());
    }
    return names;
  }

  FakeCoordinator coordinator_{Clock::System()};
  ReportServer server_{&coordinator_};
};

TEST_F(MeteringServiceTest, WhatTheMeterRecordsIsCommitted) {
  setenv("FEDCARBON_COUNTRY", "HUN", 1);
  setenv("FEDCARBON_LINK", "mobile", 1);
  setenv("FEDCARBON_PUE", "1.25", 1);
  auto metering = MeteringService::Start(Options());
  ASSERT_TRUE(metering.ok()) << metering.status();
  (*metering)->meter()->StartRun("heart disease", 3);
  const absl::Status flushed = (*metering)->Flush(kPatience);
  ASSERT_TRUE(flushed.ok()) << flushed;
  EXPECT_THAT(CommittedRunNames(), ::testing::ElementsAre("heart disease"));
  const v1::Node node = coordinator_.Opened().front().batch.nodes(0);
  EXPECT_EQ(node.country(), "HUN");
  EXPECT_EQ(node.link(), v1::LINK_KIND_MOBILE);
  EXPECT_EQ(node.pue_thousandths(), 1'250u);
}

TEST_F(MeteringServiceTest, DestructorSendsWhatIsLeft) {
  {
    auto metering = MeteringService::Start(Options());
    ASSERT_TRUE(metering.ok()) << metering.status();
    (*metering)->meter()->StartRun("at the end", 1);
  }
  EXPECT_THAT(CommittedRunNames(), ::testing::ElementsAre("at the end"));
}

TEST_F(MeteringServiceTest, CoordinatorRestartedLosesNothingAndCountsNothingTwice) {
  auto metering = MeteringService::Start(Options());
  ASSERT_TRUE(metering.ok()) << metering.status();
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i) {
    names.push_back("before " + std::to_string(i));
    (*metering)->meter()->StartRun(names.back(), 1);
    ASSERT_TRUE((*metering)->Flush(kPatience).ok());
    server_.Stop();
    names.push_back("while away " + std::to_string(i));
    (*metering)->meter()->StartRun(names.back(), 1);
    EXPECT_TRUE(absl::IsDeadlineExceeded((*metering)->Flush(absl::Milliseconds(50))));
    server_.Start();
    ASSERT_TRUE(server_.is_running());
    const absl::Status flushed = (*metering)->Flush(kPatience);
    ASSERT_TRUE(flushed.ok()) << flushed;
  }
  EXPECT_EQ(CommittedRunNames(), names);
}

TEST_F(MeteringServiceTest, UnreachableCoordinatorIsNoErrorAndTheDestructorReturns) {
  server_.Stop();
  MeteringServiceOptions options = Options();
  options.shutdown_deadline = absl::Milliseconds(50);
  auto metering = MeteringService::Start(options);
  ASSERT_TRUE(metering.ok()) << metering.status();
  (*metering)->meter()->StartRun("lost", 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded((*metering)->Flush(absl::Milliseconds(50))));
}

TEST_F(MeteringServiceTest, DisabledSendsNothingAndAsksForNothing) {
  setenv("FEDCARBON_DISABLED", "1", 1);
  auto metering = MeteringService::Start({});
  ASSERT_TRUE(metering.ok()) << metering.status();
  EXPECT_FALSE((*metering)->meter()->enabled());
  (*metering)->meter()->StartRun("nothing", 1);
  EXPECT_TRUE((*metering)->Flush(absl::ZeroDuration()).ok());
  EXPECT_EQ(coordinator_.greetings(), 0);
}

TEST_F(MeteringServiceTest, WhereItCannotStartItSaysSoOnceAndMetersNothing) {
  ::testing::internal::CaptureStdout();
  const std::unique_ptr<MeteringService> metering = MeteringService::StartOrDisabled({});
  const std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(log, AllOf(HasSubstr("nothing is metered: "), HasSubstr("set FEDCARBON_NODE")));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  ASSERT_NE(metering, nullptr);
  EXPECT_FALSE(metering->meter()->enabled());
  metering->meter()->StartRun("nothing", 1);
  EXPECT_TRUE(metering->Flush(absl::ZeroDuration()).ok());
}

TEST_F(MeteringServiceTest, WhereItCanStartItDoes) {
  const std::unique_ptr<MeteringService> metering = MeteringService::StartOrDisabled(Options());
  EXPECT_TRUE(metering->meter()->enabled());
  metering->meter()->StartRun("metered", 1);
  EXPECT_TRUE(metering->Flush(kPatience).ok());
  EXPECT_EQ(CommittedRunNames(), std::vector<std::string>{"metered"});
}

TEST_F(MeteringServiceTest, WithoutReportingItMeasuresAndAsksForNoCoordinator) {
  setenv("FEDCARBON_COORDINATOR", "no address", 1);
  MeteringServiceOptions options;
  options.node = "hospital-a";
  options.report = false;
  auto metering = MeteringService::Start(options);
  ASSERT_TRUE(metering.ok()) << metering.status();
  EXPECT_TRUE((*metering)->meter()->enabled());
  (*metering)->meter()->StartRun("for nobody", 1);
  EXPECT_TRUE((*metering)->Flush(absl::ZeroDuration()).ok());
}

TEST_F(MeteringServiceTest, WithoutReportingOptionsAreCheckedAndNothingCanBeKept) {
  MeteringServiceOptions options;
  options.report = false;
  EXPECT_THAT(std::string(MeteringService::Start(options).status().message()), HasSubstr("FEDCARBON_NODE"));
  options.node = "hospital-a";
  options.pue = 0.5;
  EXPECT_THAT(std::string(MeteringService::Start(options).status().message()), HasSubstr("FEDCARBON_PUE"));
  options.pue.reset();
  options.keep = ::testing::TempDir();
  const absl::Status status = MeteringService::Start(options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("name a coordinator"));
}

TEST_F(MeteringServiceTest, AProgramOfOurOwnIsBookedAsFedcarbon) {
  MeteringServiceOptions options = Options();
  options.cpu = CpuClock::SystemAllOwn();
  auto metering = MeteringService::Start(options);
  ASSERT_TRUE(metering.ok()) << metering.status();
  { const ComputeSpan span((*metering)->meter(), v1::SPAN_KIND_TRAIN); }
  ASSERT_TRUE((*metering)->Flush(kPatience).ok());
  int usages = 0;
  for (const OpenedBatch& opened : coordinator_.Opened()) {
    for (const v1::Usage& usage : opened.batch.usages()) {
      ++usages;
      EXPECT_EQ(usage.kind(), v1::SPAN_KIND_FEDCARBON);
    }
  }
  EXPECT_GT(usages, 0);
}

TEST_F(MeteringServiceTest, OptionsWinOverTheEnvironment) {
  setenv("FEDCARBON_NODE", "from-environment", 1);
  setenv("FEDCARBON_DISABLED", "1", 1);
  MeteringServiceOptions options = Options();
  options.disabled = false;
  auto metering = MeteringService::Start(options);
  ASSERT_TRUE(metering.ok()) << metering.status();
  EXPECT_EQ((*metering)->meter()->node(), "hospital-a");
}

TEST_F(MeteringServiceTest, BadOptionsNameTheVariableAndTheRemedy) {
  struct Case {
    const char* variable;
    const char* value;
    const char* remedy;
  };
  const Case cases[] = {
      {"FEDCARBON_NODE", "", "hospital-a.example.org"},
      {"FEDCARBON_NODE", "Hospital A", "hospital-a.example.org"},
      {"FEDCARBON_COORDINATOR", "7433", "HOST:PORT"},
      {"FEDCARBON_COORDINATOR", "127.0.0.1:0", "HOST:PORT"},
      {"FEDCARBON_COORDINATOR", "127.0.0.1:65536", "HOST:PORT"},
      {"FEDCARBON_COORDINATOR", "::1:7433", "HOST:PORT"},
      {"FEDCARBON_COORDINATOR", "coordinator.example.org:7433", "FEDCARBON_INSECURE=1"},
      {"FEDCARBON_COUNTRY", "Hungary", "ISO 3166"},
      {"FEDCARBON_COUNTRY", "hun", "ISO 3166"},
      {"FEDCARBON_COUNTRY", "XXX", "such as CHE"},
      {"FEDCARBON_LINK", "wifi", "fixed, mobile, lan or datacentre"},
      {"FEDCARBON_PUE", "0.99", "1.0 to 10.0"},
      {"FEDCARBON_PUE", "10.01", "1.0 to 10.0"},
      {"FEDCARBON_PUE", "nan", "1.0 to 10.0"},
      {"FEDCARBON_PUE", "1.5x", "1.0 to 10.0"},
      {"FEDCARBON_KEEP", "/nowhere/to/be/found", "create this directory"},
      {"FEDCARBON_DISABLED", "yes", "use 1 or 0"},
      {"FEDCARBON_INSECURE", "true", "use 1 or 0"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(::testing::Message() << c.variable << "=" << c.value);
    for (const char* variable : kVariables) unsetenv(variable);
    setenv("FEDCARBON_NODE", "hospital-a", 1);
    setenv(c.variable, c.value, 1);
    const absl::Status status = MeteringService::Start({}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.variable));
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.remedy));
  }
}

TEST_F(MeteringServiceTest, PueIsTakenAtItsLimits) {
  for (const double pue : {1.0, 10.0}) {
    MeteringServiceOptions options = Options();
    options.pue = pue;
    EXPECT_TRUE(MeteringService::Start(options).ok()) << pue;
  }
  for (const char* pue : {"1.0", "10.0"}) {
    setenv("FEDCARBON_PUE", pue, 1);
    EXPECT_TRUE(MeteringService::Start(Options()).ok()) << pue;
  }
}

TEST_F(MeteringServiceTest, QueueMustHoldABatch) {
  MeteringServiceOptions options = Options();
  options.queue_bytes = Bytes(options.batch_bytes);
  EXPECT_TRUE(MeteringService::Start(options).ok());
  options.queue_bytes = Bytes(options.batch_bytes - 1);
  EXPECT_TRUE(absl::IsInvalidArgument(MeteringService::Start(options).status()));
}

TEST_F(MeteringServiceTest, LoopbackNeedsNoConsentAndOtherAddressesDo) {
  for (const char* address : {"localhost:1", "127.0.0.1:65535", "127.9.8.7:7433", "[::1]:7433"}) {
    EXPECT_TRUE(CheckCoordinatorAddress(address, false).ok()) << address;
  }
  for (const char* address :
       {"10.0.0.1:7433", "127.0.0.1.example.org:7433", "128.0.0.1:7433", "[2001:db8::1]:7433"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckCoordinatorAddress(address, false))) << address;
    EXPECT_TRUE(CheckCoordinatorAddress(address, true).ok()) << address;
  }
}

TEST_F(MeteringServiceTest, ForkedChildReportsNothingAndItsDestructorReturns) {
  auto metering = MeteringService::Start(Options());
  ASSERT_TRUE(metering.ok()) << metering.status();
  (*metering)->meter()->StartRun("parent", 1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(30);
    (*metering)->meter()->StartRun("child", 1);
    metering->reset();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  ASSERT_TRUE((*metering)->Flush(kPatience).ok());
  EXPECT_THAT(CommittedRunNames(), ::testing::ElementsAre("parent"));
}

// The last moment of a program: a MeteringService that nobody destroyed earlier.
TEST_F(MeteringServiceTest, StaticMeteringSendsWhatIsLeftWhenTheProgramExits) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        alarm(60);
        static FakeCoordinator coordinator(Clock::System());
        static ReportServer server(&coordinator);
        static struct AtTheEnd {
          ~AtTheEnd() {
            for (const OpenedBatch& opened : coordinator.Opened()) {
              if (opened.batch.run_events_size() > 0) _exit(3);
            }
          }
        } at_the_end;
        MeteringServiceOptions options;
        options.node = "hospital-a";
        options.coordinator = server.address();
        options.batch_interval = absl::Hours(1);  // nothing but the destructor seals
        static std::unique_ptr<MeteringService> metering = *MeteringService::Start(options);
        metering->meter()->StartRun("static", 1);
        std::exit(0);
      },
      ::testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace fedcarbon
