#include "fedcarbon/status/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace fedcarbon {
namespace {

absl::StatusOr<std::unique_ptr<int>> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return std::make_unique<int>(number / 2);
}

absl::StatusOr<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(number));
  int quarter = 0;
  ASSIGN_OR_RETURN(const auto of_half, Half(*half));
  quarter = *of_half;
  return quarter;
}

absl::Status Check(int number) {
  if (number > 1) RETURN_IF_ERROR(Quarter(number).status());
  return absl::OkStatus();
}

TEST(StatusTest, AssignOrReturnMovesTheValueOrReturnsTheError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
}

TEST(StatusTest, ReturnIfErrorGoesOnWhereThereIsNone) {
  EXPECT_TRUE(Check(4).ok());
  EXPECT_TRUE(Check(1).ok());
  EXPECT_EQ(Check(3), absl::InvalidArgumentError("odd"));
}

TEST(StatusTest, FirstErrorIsTheFirstInOrder) {
  EXPECT_TRUE(FirstError({}).ok());
  EXPECT_EQ(FirstError({absl::OkStatus(), absl::NotFoundError("a"), absl::InternalError("b")}),
            absl::NotFoundError("a"));
}

}  // namespace
}  // namespace fedcarbon
