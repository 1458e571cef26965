#include "node/demo/training.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "node/demo/hospital.h"
#include "node/demo/rounds.h"
#include "tests/unit/node/demo/data.h"

namespace fedcarbon::demo {
namespace {

TEST(Average, OfIdenticalUpdatesIsTheUpdate) {
  const std::vector<float> parameters = {0.1f, -3.7f, 1e-8f};
  EXPECT_EQ(Average({{parameters, 3}, {parameters, 11}, {parameters, 1}}), parameters);
}

TEST(Average, WeighsByRows) { EXPECT_EQ(Average({{{0, 8}, 3}, {{4, 0}, 1}}), (std::vector<float>{1, 6})); }

TEST(Standardise, FederatedSumsGiveWhatTheRowsThemselvesWouldGive) {
  Patients all;
  FeatureSums sums;
  for (const char* hospital : kHospitals) {
    const Patients patients = *LoadPatients(DataFile(hospital));
    all.insert(all.end(), patients.begin(), patients.end());
    sums += SumFeatures(patients);
  }
  Apply(Standardise(sums), &all);
  for (size_t feature = 0; feature < kFeatures; ++feature) {
    double sum = 0, squares = 0;
    for (const Patient& patient : all) {
      sum += patient.features[feature];
      squares += patient.features[feature] * patient.features[feature];
    }
    EXPECT_NEAR(sum / static_cast<double>(all.size()), 0, 1e-5) << "feature " << feature;
    EXPECT_NEAR(squares / static_cast<double>(all.size()), 1, 1e-5) << "feature " << feature;
  }
}

TEST(Standardise, AnInputThatNeverVariesBecomesZero) {
  Patients patients(3);
  for (Patient& patient : patients) patient.features.fill(7);
  Apply(Standardise(SumFeatures(patients)), &patients);
  EXPECT_EQ(patients[0].features, Features{});
}

TEST(ScheduleFor, NamesTheModelsThatThereAre) {
  EXPECT_EQ(ScheduleFor("tree", 1, 1).status().message(), "no model \"tree\": choose mlp or logistic");
}

/// The whole training in one process: a thread for each hospital, at a task board.
absl::StatusOr<Score> TrainFederated(const Schedule& schedule) {
  TaskBoard board({std::begin(kHospitals), std::end(kHospitals)});
  std::vector<std::thread> threads;
  for (const char* name : kHospitals) {
    threads.emplace_back([&board, name] {
      const Hospital hospital(name, *LoadPatients(DataFile(name)), Meter::Disabled());
      while (true) {
        const absl::StatusOr<v1::Task> task = board.Fetch(name);
        ASSERT_TRUE(task.ok()) << task.status();
        if (task->has_finish()) return;
        absl::StatusOr<v1::Result> result = hospital.Do(*task);
        ASSERT_TRUE(result.ok()) << result.status();
        const absl::Status delivered = board.Deliver(*std::move(result));
        ASSERT_TRUE(delivered.ok()) << delivered;
      }
    });
  }
  uint64_t rounds = 0;
  RunOptions options;
  options.schedule = schedule;
  options.on_round = [&rounds](uint64_t round, const Score&) { EXPECT_EQ(round, rounds++); };
  const absl::StatusOr<Score> score = RunRounds(options, Meter::Disabled(), &board);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(rounds, schedule.rounds);
  return score;
}

struct Case {
  const char* model;
  uint64_t seed;
};

class Federation : public testing::TestWithParam<Case> {};

std::vector<Case> Cases() {
  std::vector<Case> cases = {{"logistic", 1}, {"logistic", 2}, {"logistic", 3}, {"mlp", 1}};
  if (FEDCARBON_LONG) cases.insert(cases.end(), {{"mlp", 2}, {"mlp", 3}});
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Models, Federation, testing::ValuesIn(Cases()), [](const auto& info) {
  return info.param.model + std::string("Seed") + std::to_string(info.param.seed);
});

TEST_P(Federation, ReachesWhatThePooledDataReach) {
  const Schedule schedule = *ScheduleFor(GetParam().model, 15, GetParam().seed);
  const absl::StatusOr<Score> federated = TrainFederated(schedule);
  ASSERT_TRUE(federated.ok()) << federated.status();
  EXPECT_EQ(federated->rows, 248u);
  EXPECT_GT(federated->accuracy(), 0.75);

  std::vector<Split> hospitals;
  for (const char* hospital : kHospitals) {
    hospitals.push_back(SplitPatients(*LoadPatients(DataFile(hospital)), schedule.seed));
  }
  const Score pooled = TrainPooled(hospitals, schedule);
  EXPECT_EQ(pooled.rows, federated->rows);
  EXPECT_LE(std::abs(federated->accuracy() - pooled.accuracy()), 0.05);
}

TEST(Federation, TheSameSeedGivesTheSameModel) {
  const Schedule schedule = *ScheduleFor("logistic", 3, 4);
  EXPECT_EQ(TrainFederated(schedule)->correct, TrainFederated(schedule)->correct);
}

TEST(Hospital, RefusesAModelThatDoesNotFit) {
  const Hospital hospital("cleveland", Patients(4), Meter::Disabled());
  v1::Task task;
  v1::Model* model = task.mutable_train()->mutable_model();
  for (const uint32_t width : {13, 1}) model->add_widths(width);
  for (int i = 0; i < 13; ++i) model->add_parameters(0);  // one too few
  EXPECT_EQ(hospital.Do(task).status().code(), absl::StatusCode::kInvalidArgument);
  model->add_parameters(0);
  EXPECT_EQ(hospital.Do(task).status().message(), "the aggregator sent a model without means and deviations");
}

TEST(Hospital, RefusesATaskThatItDoesNotKnow) {
  EXPECT_EQ(Hospital("cleveland", Patients(4), Meter::Disabled()).Do(v1::Task()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fedcarbon::demo
