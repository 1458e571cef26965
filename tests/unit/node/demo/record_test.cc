#include "node/demo/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace fedcarbon::demo {
namespace {

TEST(Record, ReadsBackWhatWasWrittenAndAddsUpTheFilesOfANode) {
  const std::string folder = testing::TempDir();
  Record aggregator;
  aggregator.run = "b7b2";
  aggregator.rounds[0] = {3, 4};
  aggregator.rounds[1] = {4, 4};
  Record hospital;
  hospital.bytes["cleveland"] = {100, 2000};
  Record pooled;
  pooled.pooled = {2, 4};
  ASSERT_TRUE(WriteRecord(folder + "aggregator", aggregator).ok());
  ASSERT_TRUE(WriteRecord(folder + "hospital", hospital).ok());
  ASSERT_TRUE(WriteRecord(folder + "hospital.2", hospital).ok());
  ASSERT_TRUE(WriteRecord(folder + "pooled", pooled).ok());

  const absl::StatusOr<Record> record =
      ReadRecords({folder + "aggregator", folder + "hospital", folder + "hospital.2", folder + "pooled"});
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->run, "b7b2");
  EXPECT_EQ(record->rounds.at(0).correct, 3u);
  EXPECT_EQ(record->rounds.at(1).correct, 4u);
  EXPECT_EQ(record->bytes.at("cleveland").sent, 200u);
  EXPECT_EQ(record->bytes.at("cleveland").received, 4000u);
  EXPECT_EQ(record->pooled.correct, 2u);
}

TEST(Record, NamesFileAndLineOfWhatItCannotRead) {
  const std::string path = testing::TempDir() + "broken";
  for (const char* line : {"bytes cleveland 5", "bytes cleveland 5 x", "run a b", "weather fine"}) {
    std::ofstream(path) << "run a\n" << line << "\n";
    EXPECT_THAT(std::string(ReadRecords({path}).status().message()), testing::HasSubstr("broken:2: "));
  }
  EXPECT_EQ(ReadRecords({"/nowhere"}).status().code(), absl::StatusCode::kNotFound);
}

TEST(Record, CannotBeWrittenWhereThereIsNoFolder) {
  EXPECT_EQ(WriteRecord("/nowhere/record", {}).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(WriteRecord("", {}).ok());
}

}  // namespace
}  // namespace fedcarbon::demo
