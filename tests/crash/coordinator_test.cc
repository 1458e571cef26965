// fedcarbon-coordinator as its users meet it: what it prints, what it refuses, and how it ends.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "fedcarbon/report/batch_builder.h"
#include "fedcarbon/v1/footprint.grpc.pb.h"
#include "fedcarbon/v1/report.grpc.pb.h"
#include "tests/crash/child_process.h"

namespace fedcarbon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char kProgram[] = FEDCARBON_BINARY_DIR "/bin/fedcarbon-coordinator";

class Coordinator : public ::testing::Test {
 protected:
  Coordinator() {
    std::string pattern = ::testing::TempDir() + "coordinator_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    data_ = folder_ + "/data";
  }
  ~Coordinator() override { std::filesystem::remove_all(folder_); }

  struct Result {
    int status;
    std::string output;  // its first line
    std::string errors;
  };

  // Runs it to its end on the data folder.
  Result Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kProgram);
    arguments.insert(arguments.end(), {"--data", data_});
    ChildProcess program(arguments);
    Result result;
    result.output = program.ReadLine();
    result.status = program.Wait();
    result.errors = program.Errors();
    return result;
  }

  std::unique_ptr<ChildProcess> Start() {
    return std::make_unique<ChildProcess>(std::vector<std::string>{kProgram, "--data", data_, "--grpc",
                                                                   "127.0.0.1:0", "--http", "127.0.0.1:0"});
  }

  // Starts it, and ends it once it listens.
  void StartAndStop() {
    const auto program = Start();
    EXPECT_THAT(program->ReadLine(), StartsWith("grpc "));
    program->Signal(SIGTERM);
    EXPECT_EQ(program->Wait(), 0) << program->Errors();
  }

  static std::string Sealed(uint64_t sequence) {
    BatchBuilder builder(kMaxSealedBatchBytes);
    Span span;
    span.round = {"run", sequence};
    span.start = absl::FromUnixSeconds(1'700'000'000);
    builder.Add(span);
    return builder.Seal({"a.example", 0xab, sequence}, {span.start, absl::ZeroDuration(), "boot"});
  }

  // Reports batches 1 to `count` to the coordinator that printed `line`.
  static void ReportTo(const std::string& line, uint64_t count) {
    ASSERT_THAT(line, StartsWith("grpc "));
    const auto stub =
        v1::ReportService::NewStub(grpc::CreateChannel(line.substr(5), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    const auto stream = stub->Report(&context);
    v1::ReportRequest request;
    request.mutable_greeting()->set_node("a.example");
    request.mutable_greeting()->set_epoch(0xab);
    request.mutable_greeting()->set_oldest_sequence(1);
    stream->Write(request);
    for (uint64_t sequence = 1; sequence <= count; ++sequence) {
      request.set_sealed_batch(Sealed(sequence));
      stream->Write(request);
    }
    v1::ReportResponse response;
    while (response.watermark() < count) ASSERT_TRUE(stream->Read(&response));
    stream->WritesDone();
    while (stream->Read(&response)) {
    }
    EXPECT_TRUE(stream->Finish().ok());
  }

  void Execute(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((data_ + "/fedcarbon.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  static mode_t Mode(const std::string& path) {
    struct stat entry = {};
    EXPECT_EQ(stat(path.c_str(), &entry), 0) << path;
    return entry.st_mode & 0777;
  }

  std::string folder_;
  std::string data_;
};

TEST_F(Coordinator, StopsWithStatusZeroOnEitherSignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto program = Start();
    EXPECT_THAT(program->ReadLine(), StartsWith("grpc 127.0.0.1:"));
    program->Signal(signal);
    EXPECT_EQ(program->Wait(), 0) << program->Errors();
  }
}

TEST_F(Coordinator, FilesAreTheOwnersAlone) {
  umask(0);
  const auto program = Start();
  ReportTo(program->ReadLine(), 1);
  EXPECT_EQ(Mode(data_), 0700u);
  for (const auto& file : std::filesystem::directory_iterator(data_)) {
    EXPECT_EQ(Mode(file.path()), 0600u) << file.path();
  }
  EXPECT_TRUE(std::filesystem::exists(data_ + "/fedcarbon.db-wal"));
}

TEST_F(Coordinator, FileThatOthersCouldReadIsMadePrivate) {
  StartAndStop();
  chmod((data_ + "/fedcarbon.db").c_str(), 0666);
  StartAndStop();
  EXPECT_EQ(Mode(data_ + "/fedcarbon.db"), 0600u);
}

TEST_F(Coordinator, SecondOneAndRebuildAreRefusedWhileOneRuns) {
  const auto program = Start();
  program->ReadLine();
  const std::string holder = "process " + std::to_string(program->pid());
  const Result second = Run({"--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.errors, AllOf(HasSubstr(holder), HasSubstr(data_)));
  const Result rebuild = Run({"rebuild"});
  EXPECT_EQ(rebuild.status, 1);
  EXPECT_THAT(rebuild.errors, HasSubstr(holder));
}

TEST_F(Coordinator, KilledOneLeavesNoLockBehind) {
  const auto program = Start();
  program->ReadLine();
  program->Signal(SIGKILL);
  EXPECT_EQ(program->Wait(), 128 + SIGKILL);
  StartAndStop();
}

TEST_F(Coordinator, PortInUseIsNamed) {
  const auto program = Start();
  const std::string address = program->ReadLine().substr(5);
  data_ = folder_ + "/other";
  const Result result = Run({"--grpc", address, "--http", "127.0.0.1:0"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, AllOf(HasSubstr(address), HasSubstr("--grpc")));
}

TEST_F(Coordinator, HttpPortInUseIsNamed) {
  const auto program = Start();
  program->ReadLine();
  const std::string line = program->ReadLine();
  ASSERT_THAT(line, StartsWith("http 127.0.0.1:"));
  data_ = folder_ + "/other";
  const Result result = Run({"--grpc", "127.0.0.1:0", "--http", line.substr(5)});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr(line.substr(5)));
}

TEST_F(Coordinator, WrongFactorsFileIsNamedWithItsLine) {
  const Result missing = Run({"--factors", folder_ + "/none.toml"});
  EXPECT_NE(missing.status, 0);
  EXPECT_THAT(missing.errors, HasSubstr(folder_ + "/none.toml"));
  const std::string path = folder_ + "/factors.toml";
  std::ofstream(path) << "# comment\nthis is no TOML\n";
  const Result wrong = Run({"--factors", path});
  EXPECT_NE(wrong.status, 0);
  EXPECT_THAT(wrong.errors, AllOf(HasSubstr(path), HasSubstr("2")));
}

TEST_F(Coordinator, AnswersWhatItWasTold) {
  const auto program = Start();
  const std::string address = program->ReadLine();
  ReportTo(address, 3);
  const auto stub = v1::FootprintService::NewStub(
      grpc::CreateChannel(address.substr(5), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::ListRunsResponse runs;
  EXPECT_TRUE(stub->ListRuns(&context, {}, &runs).ok());
  ASSERT_EQ(runs.runs_size(), 1);
  EXPECT_EQ(runs.runs(0).id(), "run");
}

TEST_F(Coordinator, WrongUsageHasStatusTwoAndARemedy) {
  for (const char* address :
       {"nonsense", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:x", ":1", "::1:7433"}) {
    const Result result = Run({"--grpc", address});
    EXPECT_EQ(result.status, 2) << address;
    EXPECT_THAT(result.errors, AllOf(HasSubstr(address), HasSubstr("HOST:PORT")));
  }
  EXPECT_EQ(Run({"--no-such-option"}).status, 2);
  EXPECT_EQ(Run({"export", folder_, "--from", "yesterday"}).status, 2);
}

TEST_F(Coordinator, AddressForOthersNeedsInsecure) {
  for (const char* option : {"--grpc", "--http"}) {
    const Result refused = Run({option, "0.0.0.0:0"});
    EXPECT_EQ(refused.status, 2);
    EXPECT_THAT(refused.errors, AllOf(HasSubstr(option), HasSubstr("0.0.0.0:0"), HasSubstr("--insecure")));
  }
  ChildProcess program(
      {kProgram, "--data", data_, "--grpc", "0.0.0.0:0", "--http", "127.0.0.1:0", "--insecure"});
  EXPECT_THAT(program.ReadLine(), StartsWith("grpc 0.0.0.0:"));
  EXPECT_THAT(program.Errors(), HasSubstr("0.0.0.0:0")) << "warns at each start";
}

TEST_F(Coordinator, FileThatIsNoDatabaseIsNamed) {
  std::filesystem::create_directory(data_);
  std::ofstream(data_ + "/fedcarbon.db") << std::string(10'000, 'x');
  for (const char* command : {"rebuild", "export"}) {
    const Result result =
        Run(command == std::string("export") ? std::vector<std::string>{"export", folder_ + "/out"}
                                             : std::vector<std::string>{command});
    EXPECT_EQ(result.status, 1) << command;
    EXPECT_THAT(result.errors, AllOf(HasSubstr(data_ + "/fedcarbon.db"), HasSubstr("restore a backup")));
  }
}

TEST_F(Coordinator, DatabaseOfAnotherProgramIsNamed) {
  std::filesystem::create_directory(data_);
  Execute("CREATE TABLE theirs (x)");
  const Result result = Run({"rebuild"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, AllOf(HasSubstr(data_), HasSubstr("another program")));
}

TEST_F(Coordinator, NewerDatabaseNamesBothVersions) {
  StartAndStop();
  Execute("PRAGMA user_version = 99");
  const Result result = Run({"--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, AllOf(HasSubstr("version 99"), HasSubstr("up to 3"), HasSubstr(data_)));
}

TEST_F(Coordinator, FolderThatCannotBeMadeIsNamed) {
  data_ = folder_ + "/no/such/parent";
  const Result result = Run({"rebuild"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr(data_));
  const Result backup = Run({"backup", folder_ + "/copy"});
  EXPECT_EQ(backup.status, 1);
  EXPECT_THAT(backup.errors, HasSubstr(data_));
}

TEST_F(Coordinator, RebuildIsEqualUntilTheTotalsAreTamperedWith) {
  const auto program = Start();
  ReportTo(program->ReadLine(), 5);
  program->Signal(SIGTERM);
  EXPECT_EQ(program->Wait(), 0);
  EXPECT_EQ(Run({"rebuild"}).output, "equal");
  Execute("UPDATE compute SET spans = spans + 1 WHERE round = 3");
  const Result differed = Run({"rebuild"});
  EXPECT_EQ(differed.status, 1);
  EXPECT_THAT(differed.output, AllOf(HasSubstr("compute"), HasSubstr("round=3"), HasSubstr("spans=2")));
  const Result mended = Run({"rebuild"});
  EXPECT_EQ(mended.status, 0);
  EXPECT_EQ(mended.output, "equal");
}

TEST_F(Coordinator, BackupOfALiveDatabaseIsWholeAndPrivate) {
  umask(0);
  const auto program = Start();
  ReportTo(program->ReadLine(), 5);
  const std::string copy = folder_ + "/copy.db";
  EXPECT_EQ(Run({"backup", copy}).status, 0);
  EXPECT_EQ(Mode(copy), 0600u);
  const Result again = Run({"backup", copy});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.errors, HasSubstr(copy));
  data_ = folder_ + "/restored";
  std::filesystem::create_directory(data_);
  std::filesystem::rename(copy, data_ + "/fedcarbon.db");
  EXPECT_EQ(Run({"rebuild"}).output, "equal");
  EXPECT_EQ(Run({"export", folder_ + "/out"}).output, "5 batches");
}

TEST_F(Coordinator, ExportWritesSealedBatchesAsTheyCame) {
  const auto program = Start();
  ReportTo(program->ReadLine(), 3);
  const std::string out = folder_ + "/out";
  EXPECT_EQ(Run({"export", out, "--node", "other.example"}).output, "0 batches");
  EXPECT_EQ(Run({"export", out, "--to", "2001-01-01"}).output, "0 batches");
  EXPECT_EQ(Run({"export", out, "--from", "2001-01-01T00:00:00Z", "--node", "a.example"}).output,
            "3 batches");
  for (const uint64_t sequence : {1, 2, 3}) {
    std::ifstream file(out + "/a.example-00000000000000ab-" + std::to_string(sequence) + ".batch");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), Sealed(sequence));
  }
  const Result again = Run({"export", out});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.errors, HasSubstr(out));
}

TEST_F(Coordinator, OptionsComeFromAFileOrTheEnvironmentToo) {
  std::ofstream(folder_ + "/config.toml") << "grpc = \"nonsense\"\n";
  const Result file = Run({"--config", folder_ + "/config.toml"});
  EXPECT_EQ(file.status, 2);
  EXPECT_THAT(file.errors, HasSubstr("nonsense"));
  setenv("FEDCARBON_GRPC", "rubbish", 1);
  const Result environment = Run({});
  unsetenv("FEDCARBON_GRPC");
  EXPECT_EQ(environment.status, 2);
  EXPECT_THAT(environment.errors, HasSubstr("rubbish"));
}

}  // namespace
}  // namespace fedcarbon
