#include "node/demo/task_board.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace fedcarbon::demo {
namespace {

v1::Task EvaluateTask() {
  v1::Task task;
  task.mutable_evaluate();
  return task;
}

v1::Result Scored(const std::string& hospital, uint64_t step, uint64_t correct) {
  v1::Result result;
  result.set_hospital(hospital);
  result.set_step(step);
  result.mutable_score()->set_correct(correct);
  result.mutable_score()->set_rows(10);
  return result;
}

TEST(TaskBoard, CollectWaitsForEveryHospital) {
  TaskBoard board({"a", "b"});
  board.Post(EvaluateTask());
  std::thread a([&] { EXPECT_TRUE(board.Deliver(Scored("a", 1, 3)).ok()); });
  std::thread b([&] { EXPECT_TRUE(board.Deliver(Scored("b", 1, 4)).ok()); });
  const absl::StatusOr<std::vector<v1::Result>> results = board.Collect();
  a.join();
  b.join();
  ASSERT_TRUE(results.ok());
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ((*results)[0].score().correct(), 3u);
  EXPECT_EQ((*results)[1].score().correct(), 4u);
}

TEST(TaskBoard, ATaskIsGivenAgainUntilItsResultIsThere) {
  TaskBoard board({"a"});
  board.Post(EvaluateTask());
  EXPECT_EQ(board.Fetch("a")->step(), 1u);
  EXPECT_EQ(board.Fetch("a")->step(), 1u);
  ASSERT_TRUE(board.Deliver(Scored("a", 1, 3)).ok());
  uint64_t step = 0;
  std::thread waiting([&] { step = board.Fetch("a")->step(); });
  board.Post(EvaluateTask());
  waiting.join();
  EXPECT_EQ(step, 2u);
}

TEST(TaskBoard, ASecondResultIsIgnored) {
  TaskBoard board({"a"});
  board.Post(EvaluateTask());
  EXPECT_TRUE(board.Deliver(Scored("a", 1, 3)).ok());
  EXPECT_TRUE(board.Deliver(Scored("a", 1, 9)).ok());
  EXPECT_EQ(board.Collect()->front().score().correct(), 3u);
}

TEST(TaskBoard, AResultOfAnotherStepIsIgnored) {
  TaskBoard board({"a"});
  board.Post(EvaluateTask());
  board.Post(EvaluateTask());
  EXPECT_TRUE(board.Deliver(Scored("a", 1, 9)).ok());
  EXPECT_TRUE(board.Deliver(Scored("a", 2, 4)).ok());
  EXPECT_EQ(board.Collect()->front().score().correct(), 4u);
}

TEST(TaskBoard, RefusesWhatTheTaskDidNotAskFor) {
  TaskBoard board({"a"});
  v1::Task task;
  task.mutable_train()->mutable_model()->add_parameters(1);
  board.Post(task);
  EXPECT_EQ(board.Deliver(Scored("a", 1, 3)).code(), absl::StatusCode::kInvalidArgument);

  v1::Result result;
  result.set_hospital("a");
  result.set_step(1);
  result.mutable_update()->set_rows(1);
  EXPECT_FALSE(board.Deliver(result).ok()) << "no parameters";
  result.mutable_update()->add_parameters(std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(board.Deliver(result).ok()) << "not a number";
  result.mutable_update()->set_parameters(0, 1);
  result.mutable_update()->set_rows(0);
  EXPECT_FALSE(board.Deliver(result).ok()) << "no rows";
  result.mutable_update()->set_rows(1);
  EXPECT_TRUE(board.Deliver(result).ok());
}

TEST(TaskBoard, RefusesAHospitalThatIsNotOfTheFederation) {
  TaskBoard board({"a"});
  EXPECT_EQ(board.Fetch("b").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(board.Deliver(Scored("b", 0, 0)).code(), absl::StatusCode::kPermissionDenied);
}

TEST(TaskBoard, StopWakesAllWhoWait) {
  TaskBoard board({"a"});
  std::thread hospital([&] { EXPECT_EQ(board.Fetch("a").status().code(), absl::StatusCode::kCancelled); });
  std::thread aggregator([&] { EXPECT_EQ(board.Collect().status().code(), absl::StatusCode::kCancelled); });
  board.Stop();
  hospital.join();
  aggregator.join();
  EXPECT_FALSE(board.WaitUntilFetched(absl::Minutes(1)));
}

TEST(TaskBoard, WaitUntilFetchedNoticesTheLastFetch) {
  TaskBoard board({"a", "b"});
  board.Post(EvaluateTask());
  ASSERT_TRUE(board.Fetch("a").ok());
  EXPECT_FALSE(board.WaitUntilFetched(absl::ZeroDuration()));
  std::thread late([&] { ASSERT_TRUE(board.Fetch("b").ok()); });
  EXPECT_TRUE(board.WaitUntilFetched(absl::Minutes(1)));
  late.join();
}

}  // namespace
}  // namespace fedcarbon::demo
