#include "node/demo/heart_disease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/unit/node/demo/data.h"

namespace fedcarbon::demo {
namespace {

using testing::HasSubstr;

constexpr char kHeader[] = "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num\n";

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path) << text;
  return path;
}

struct Counts {
  const char* hospital;
  size_t complete;
  size_t diseased;
};

class HospitalFile : public testing::TestWithParam<Counts> {};

// The counts of node/demo/data/README.md, which are FLamby's.
INSTANTIATE_TEST_SUITE_P(All, HospitalFile,
                         testing::Values(Counts{"cleveland", 303, 139}, Counts{"hungarian", 261, 98},
                                         Counts{"switzerland", 46, 45}, Counts{"va_long_beach", 130, 101}),
                         [](const auto& info) { return std::string(info.param.hospital); });

TEST_P(HospitalFile, HoldsTheCompleteRowsOfItsReadme) {
  const absl::StatusOr<Patients> patients = LoadPatients(DataFile(GetParam().hospital));
  ASSERT_TRUE(patients.ok()) << patients.status();
  EXPECT_EQ(patients->size(), GetParam().complete);
  const auto diseased =
      std::count_if(patients->begin(), patients->end(), [](const Patient& p) { return p.diseased; });
  EXPECT_EQ(static_cast<size_t>(diseased), GetParam().diseased);
}

TEST(LoadPatients, EncodesCategoriesOneHotAgainstTheirFirst) {
  const std::string path = WriteFile("one_hot.csv", std::string(kHeader) +
                                                        "63,1,4,145,233,1,2,150,0,2.3,3,0,6,0\n"
                                                        "63,0,1,145,233,1,0,150,1,.5,,,,3\n");
  const absl::StatusOr<Patients> patients = LoadPatients(path);
  ASSERT_TRUE(patients.ok()) << patients.status();
  ASSERT_EQ(patients->size(), 2u);
  EXPECT_EQ((*patients)[0].features, (Features{63, 1, 0, 0, 1, 145, 233, 1, 0, 1, 150, 0, 2.3f}));
  EXPECT_FALSE((*patients)[0].diseased);
  EXPECT_EQ((*patients)[1].features, (Features{63, 0, 0, 0, 0, 145, 233, 1, 0, 0, 150, 1, 0.5f}));
  EXPECT_TRUE((*patients)[1].diseased);
}

TEST(LoadPatients, LeavesOutARowWithAGapInItsFirstTenColumns) {
  const std::string path = WriteFile("gap.csv", std::string(kHeader) + "63,1,4,145,,1,2,150,0,2.3,3,0,6,0\n");
  const absl::StatusOr<Patients> patients = LoadPatients(path);
  ASSERT_TRUE(patients.ok()) << patients.status();
  EXPECT_TRUE(patients->empty());
}

TEST(LoadPatients, ReadsLinesThatEndAsWindowsEndsThem) {
  const std::string path =
      WriteFile("crlf.csv",
                "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num\r\n"
                "63,1,4,145,233,1,2,150,0,2.3,3,0,6,1\r\n");
  const absl::StatusOr<Patients> patients = LoadPatients(path);
  ASSERT_TRUE(patients.ok()) << patients.status();
  EXPECT_EQ(patients->size(), 1u);
}

TEST(LoadPatients, NamesFileLineAndColumnOfWhatIsNoNumber) {
  const std::string path =
      WriteFile("bad.csv", std::string(kHeader) + "63,1,4,145,x,1,2,150,0,2.3,3,0,6,0\n");
  const absl::Status status = LoadPatients(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("bad.csv:2: column 5: \"x\" is not a number"));
}

TEST(LoadPatients, NamesTheLineWithAColumnTooFew) {
  const std::string path =
      WriteFile("short.csv", std::string(kHeader) + "63,1,4,145,233,1,2,150,0,2.3,3,0,6\n");
  EXPECT_THAT(std::string(LoadPatients(path).status().message()),
              HasSubstr("short.csv:2: 13 columns instead of 14"));
}

TEST(LoadPatients, RefusesAnotherHeader) {
  const std::string path = WriteFile("header.csv", "a,b\n1,2\n");
  EXPECT_THAT(std::string(LoadPatients(path).status().message()), HasSubstr("header.csv:1"));
}

TEST(LoadPatients, AMissingFileIsNotFound) {
  EXPECT_EQ(LoadPatients("/nowhere.csv").status().code(), absl::StatusCode::kNotFound);
}

Patients Numbered(size_t count) {
  Patients patients(count);
  for (size_t i = 0; i < count; ++i) patients[i].features[0] = static_cast<float>(i);
  return patients;
}

std::vector<float> Ages(const Patients& patients) {
  std::vector<float> ages;
  for (const Patient& patient : patients) ages.push_back(patient.features[0]);
  return ages;
}

TEST(SplitPatients, TakesTwoThirdsForTrainingAndLosesNobody) {
  const Split split = SplitPatients(Numbered(101), 7);
  EXPECT_EQ(split.training.size(), 67u);
  EXPECT_EQ(split.held_out.size(), 34u);
  std::vector<float> ages = Ages(split.training);
  for (const float age : Ages(split.held_out)) ages.push_back(age);
  std::sort(ages.begin(), ages.end());
  EXPECT_EQ(ages, Ages(Numbered(101)));
}

TEST(SplitPatients, TheSeedDecides) {
  const Patients patients = Numbered(50);
  EXPECT_EQ(Ages(SplitPatients(patients, 7).training), Ages(SplitPatients(patients, 7).training));
  EXPECT_NE(Ages(SplitPatients(patients, 7).training), Ages(SplitPatients(patients, 8).training));
}

// Written down once: the same on every machine and with every standard library.
TEST(SplitPatients, IsTheSameEverywhere) {
  EXPECT_EQ(Ages(SplitPatients(Numbered(9), 1).held_out), (std::vector<float>{4, 6, 5}));
}

}  // namespace
}  // namespace fedcarbon::demo
