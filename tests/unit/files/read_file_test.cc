#include "fedcarbon/files/read_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace fedcarbon {
namespace {

using ::testing::HasSubstr;

class ReadFileTest : public ::testing::Test {
 protected:
  ~ReadFileTest() override { unlink(path_.c_str()); }

  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  const std::string path_ = ::testing::TempDir() + "read_file." + std::to_string(getpid());
};

TEST_F(ReadFileTest, IsReadByteForByte) {
  const std::string bytes("a\0\r\n\xff", 5);
  Write(bytes);
  EXPECT_EQ(*ReadFile(path_, 5), bytes);
  Write("");
  EXPECT_EQ(*ReadFile(path_, 0), "");
}

TEST_F(ReadFileTest, AFileHasItsLimit) {
  for (const size_t limit : {size_t{5}, size_t{64 << 10}, size_t{200'000}}) {
    Write(std::string(limit, 'x'));
    EXPECT_EQ(ReadFile(path_, limit)->size(), limit);
    Write(std::string(limit + 1, 'x'));
    const absl::Status status = ReadFile(path_, limit).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::to_string(limit) + " bytes"));
  }
}

TEST_F(ReadFileTest, WhatHasNoEndIsReadUpToTheLimit) {
  EXPECT_EQ(ReadFile("/dev/zero", 1'000).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ReadFileTest, WhatCannotBeReadIsNamed) {
  const absl::Status missing = ReadFile(path_ + ".none", 10).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(path_ + ".none"));
  const absl::Status folder = ReadFile(::testing::TempDir(), 10).status();
  EXPECT_FALSE(folder.ok());
  EXPECT_THAT(std::string(folder.message()), HasSubstr(::testing::TempDir()));
}

}  // namespace
}  // namespace fedcarbon
