#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "fedcarbon/carbon/factors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr char kHeader[] = "iso3,country_or_region,year,gco2e_per_kwh\n";

const Factor& BuiltIn(const char* place) { return BuiltInFactors()->grid_intensity.find(place)->second; }

TEST(GridIntensitiesTest, HoldsEveryCountryAndRegionOnce) {
  size_t countries = 0;
  for (const auto& [place, factor] : BuiltInFactors()->grid_intensity) {
    countries += place.size() == 3 && std::all_of(place.begin(), place.end(), absl::ascii_isupper);
    EXPECT_EQ(factor.name, "grid_intensity." + place);
  }
  EXPECT_EQ(countries, 209u);
  EXPECT_EQ(BuiltInFactors()->grid_intensity.size(), 209u + 13u);  // a repeated line would not have loaded
}

TEST(GridIntensitiesTest, HoldsEmbersValues) {
  EXPECT_EQ(BuiltIn("CHE").value.central, 36.72);
  EXPECT_EQ(BuiltIn("HUN").value.central, 182.82);
  EXPECT_EQ(BuiltIn("USA").value.central, 383.55);
  EXPECT_EQ(BuiltIn("FRA").value.central, 44.18);
  EXPECT_EQ(BuiltIn("EU").value.central, 213.02);
  EXPECT_EQ(BuiltIn(kWorld).value.central, 472.94);
  EXPECT_EQ(BuiltIn("CHE").year, 2024);
  EXPECT_EQ(BuiltIn("UKR").year, 2022);
  EXPECT_EQ(BuiltIn("CHE").unit, Unit::kGramsPerKilowattHour);
  EXPECT_EQ(ToProto(BuiltIn("CHE")).unit(), "gCO2e/kWh");
  EXPECT_THAT(BuiltIn("CHE").source, HasSubstr("Ember"));
}

TEST(GridIntensitiesTest, ACountryIsKnownWithin155Percent) {
  const Factor& switzerland = BuiltIn("CHE");
  EXPECT_DOUBLE_EQ(switzerland.value.interval->low, 36.72 / 1.55);
  EXPECT_DOUBLE_EQ(switzerland.value.interval->high, 36.72 * 1.55);
  EXPECT_EQ(switzerland.meaning, kP5ToP95);
}

TEST(GridIntensitiesTest, TheWorldsIntervalSpansTheCountriesItStandsFor) {
  const Factor& world = BuiltIn(kWorld);
  EXPECT_LT(world.value.interval->low, 36.72);    // Switzerland
  EXPECT_GT(world.value.interval->high, 614.98);  // Poland
  EXPECT_EQ(world.kind, v1::Factor::KIND_DEFAULT);
  EXPECT_THAT(world.flags, Contains("world average"));
}

TEST(GridIntensitiesTest, AZeroHasNoInterval) {
  EXPECT_EQ(BuiltIn("CAF").value.central, 0);
  EXPECT_FALSE(BuiltIn("CAF").value.interval.has_value());
  EXPECT_EQ(BuiltIn("CAF").meaning, kNoneStated);
  EXPECT_THAT(BuiltIn("CAF").flags, Contains("0 in the source"));
}

std::string ErrorOfTable(const std::string& csv) {
  const absl::StatusOr<GridIntensities> intensities = ParseGridIntensities(csv, "t.csv", "test");
  EXPECT_EQ(intensities.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(intensities.status().message());
}

TEST(GridIntensitiesTest, PercentilesAreByNearestRank) {
  std::string csv = kHeader;
  csv += ",World,2024,50\r\n";  // lines may end either way
  for (int i = 1; i <= 100; ++i) {
    csv += std::string(1, static_cast<char>('A' + i / 26)) + static_cast<char>('A' + i % 26) +
           "X,Country,2024," + std::to_string(i) + "\n";
  }
  const GridIntensities intensities = ParseGridIntensities(csv, "t.csv", "test").value();
  EXPECT_EQ(intensities.size(), 101u);
  EXPECT_EQ(intensities.find(kWorld)->second.value.interval->low, 5);
  EXPECT_EQ(intensities.find(kWorld)->second.value.interval->high, 95);
}

TEST(GridIntensitiesTest, BadLinesAreNamedByNumber) {
  const std::string world = std::string(kHeader) + ",World,2024,400\n";
  EXPECT_THAT(ErrorOfTable("country,value\n"), HasSubstr("t.csv:1: the first line must be iso3"));
  EXPECT_THAT(ErrorOfTable(world + "CHE,Switzerland,2024\n"), HasSubstr("t.csv:3: 3 fields"));
  EXPECT_THAT(ErrorOfTable(world + "CHE,Switzerland,2024,1,2\n"), HasSubstr("t.csv:3: 5 fields"));
  EXPECT_THAT(ErrorOfTable(world + "CH,Switzerland,2024,1\n"), HasSubstr("t.csv:3: \"CH\" is no ISO 3166"));
  EXPECT_THAT(ErrorOfTable(world + "che,Switzerland,2024,1\n"), HasSubstr("t.csv:3: \"che\" is no ISO 3166"));
  EXPECT_THAT(ErrorOfTable(world + ",,2024,1\n"), HasSubstr("t.csv:3: no country or region"));
  EXPECT_THAT(ErrorOfTable(world + "CHE,Switzerland,2024,1\n\nCHE,Swiss,2023,2\n"),
              HasSubstr("t.csv:5: CHE stands here a second time"));
  for (const char* value : {"", "x", "-0.001", "nan", "inf", "1e999", "1000000.001"}) {
    EXPECT_THAT(ErrorOfTable(world + "CHE,Switzerland,2024," + value + "\n"), HasSubstr("t.csv:3: \""))
        << value;
  }
  for (const char* year : {"", "x", "1989", "2101", "2024.5"}) {
    EXPECT_THAT(ErrorOfTable(world + "CHE,Switzerland," + year + ",1\n"), HasSubstr("t.csv:3: year \""))
        << year;
  }
}

TEST(GridIntensitiesTest, LimitsThemselvesPass) {
  const std::string world = std::string(kHeader) + ",World,1990,1000000\n";
  EXPECT_TRUE(ParseGridIntensities(world + "CHE,Switzerland,2100,0\n", "t.csv", "test").ok());
}

TEST(GridIntensitiesTest, TheWorldMustBeThere) {
  EXPECT_THAT(ErrorOfTable(std::string(kHeader) + "CHE,Switzerland,2024,1\n"),
              HasSubstr("no line for World"));
}

TEST(GridIntensitiesTest, ATextAboveTheLimitIsRefused) {
  std::string csv = std::string(kHeader) + ",World,2024,400";
  csv.resize(kMaxFactorsText, '\n');
  EXPECT_TRUE(ParseGridIntensities(csv, "t.csv", "test").ok());
  EXPECT_THAT(ErrorOfTable(csv + "\n"), HasSubstr("t.csv: 1048577 bytes, at most 1048576"));
}

}  // namespace
}  // namespace fedcarbon
