#include "node/demo/heart_disease.h"

#include <fstream>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "fedcarbon/status/status.h"
#include "node/demo/shuffle.h"

namespace fedcarbon::demo {
namespace {

constexpr absl::string_view kHeader =
    "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num";
constexpr size_t kColumns = 14;
constexpr size_t kUsedColumns = 10;
constexpr size_t kDiagnosis = 13;

absl::StatusOr<float> Number(absl::string_view field, size_t column) {
  float value = 0;
  if (!absl::SimpleAtof(field, &value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("column ", column + 1, ": \"", field, "\" is not a number"));
  }
  return value;
}

/// Nothing if one of the columns that the model uses is empty.
absl::StatusOr<std::optional<Patient>> ParseRow(absl::string_view line) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
  if (fields.size() != kColumns) {
    return absl::InvalidArgumentError(absl::StrCat(fields.size(), " columns instead of ", kColumns));
  }
  std::array<float, kUsedColumns> values;
  for (size_t column = 0; column < kUsedColumns; ++column) {
    if (fields[column].empty()) return std::nullopt;
    ASSIGN_OR_RETURN(values[column], Number(fields[column], column));
  }
  ASSIGN_OR_RETURN(const float diagnosis, Number(fields[kDiagnosis], kDiagnosis));

  const auto [age, sex, cp, trestbps, chol, fbs, restecg, thalach, exang, oldpeak] = values;
  const auto is = [](float value, float category) { return value == category ? 1.0f : 0.0f; };
  return Patient{{age, sex, is(cp, 2), is(cp, 3), is(cp, 4), trestbps, chol, fbs, is(restecg, 1),
                  is(restecg, 2), thalach, exang, oldpeak},
                 diagnosis > 0};
}

}  // namespace

absl::StatusOr<Patients> LoadPatients(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) {
    return absl::NotFoundError(absl::StrCat("cannot read patients from ", path));
  }
  if (absl::StripSuffix(line, "\r") != kHeader) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":1: the header should be ", kHeader));
  }
  Patients patients;
  for (size_t number = 2; std::getline(file, line); ++number) {
    const absl::StatusOr<std::optional<Patient>> patient = ParseRow(absl::StripSuffix(line, "\r"));
    if (!patient.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", patient.status().message()));
    }
    if (patient->has_value()) patients.push_back(**patient);
  }
  return patients;
}

Split SplitPatients(const Patients& patients, uint64_t seed) {
  Split split;
  const size_t training = patients.size() * 2 / 3;
  for (const size_t index : ShuffledIndexes(patients.size(), seed)) {
    (split.training.size() < training ? split.training : split.held_out).push_back(patients[index]);
  }
  return split;
}

}  // namespace fedcarbon::demo
