#include "fedcarbon/carbon/factors_file.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fedcarbon {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

absl::StatusOr<FactorSet> Load(const std::string& toml) {
  return LoadFactors(*BuiltInFactors(), toml, "site.toml");
}

std::string ErrorOf(const std::string& toml) {
  const absl::StatusOr<FactorSet> factors = Load(toml);
  EXPECT_EQ(factors.status().code(), absl::StatusCode::kInvalidArgument) << toml;
  return std::string(factors.status().message());
}

// The example of lib/fedcarbon/carbon/README.md.
constexpr char kExample[] = R"(watts_per_core = { low = 3, central = 5, high = 9, source = "our rack meter" }
accelerator_watts = 350

[grid_intensity]
HUN = { low = 150, central = 171.5, high = 200, year = 2025, source = "MAVIR" }
CHE = 40

[pue]
datacentre = { low = 1.1, central = 1.2, high = 1.3 }
other = 2

[network."net.default/1"]
fixed = { low = 0.005, central = 0.01, high = 0.06, source = "our carrier" }
)";

TEST(FactorsFileTest, ReplacesWhatItStates) {
  const absl::StatusOr<FactorSet> loaded = Load(kExample);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Factor& hungary = loaded->grid_intensity.find("HUN")->second;
  EXPECT_EQ(hungary.value.interval->low, 150);
  EXPECT_EQ(hungary.value.central, 171.5);
  EXPECT_EQ(hungary.value.interval->high, 200);
  EXPECT_EQ(hungary.year, 2025);
  EXPECT_EQ(hungary.source, "MAVIR");
  EXPECT_EQ(hungary.meaning, "stated in site.toml");
  EXPECT_EQ(loaded->watts_per_core.value.interval->high, 9);
  EXPECT_EQ(loaded->accelerator_watts.value.central, 350);
  EXPECT_EQ(loaded->pue_datacentre.value.central, 1.2);
  EXPECT_EQ(loaded->pue_other.value.central, 2);
  const NetworkModel& model = *FindNetworkModel(kNetDefault);
  EXPECT_EQ(loaded->Network(model, v1::LINK_KIND_FIXED, 2026)->value.central, 0.01);
  EXPECT_EQ(loaded->Network(model, v1::LINK_KIND_MOBILE, 2026)->value.central, 0.1);
}

TEST(FactorsFileTest, ANumberAloneStatesNoInterval) {
  const Factor factor = Load(kExample)->grid_intensity.find("CHE")->second;
  EXPECT_EQ(factor.value.central, 40);
  EXPECT_FALSE(factor.value.interval.has_value());
  EXPECT_EQ(factor.meaning, kNoneStated);
  EXPECT_EQ(factor.source, "site.toml");
  EXPECT_TRUE(factor.flags.empty());  // no default any more
}

TEST(FactorsFileTest, LeavesTheRest) {
  const absl::StatusOr<FactorSet> loaded = Load("");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->grid_intensity.size(), 222u);
  EXPECT_EQ(loaded->grid_intensity.find("CHE")->second.value.central, 36.72);
  EXPECT_EQ(loaded->pue_other.value.central, 1.8);
}

TEST(FactorsFileTest, TheWorldStaysFlagged) {
  const absl::StatusOr<FactorSet> loaded = Load("grid_intensity.World = 450");
  ASSERT_TRUE(loaded.ok());
  EXPECT_THAT(loaded->grid_intensity.find(kWorld)->second.flags, Contains("world average"));
}

TEST(FactorsFileTest, AWholeTableCanBeReplacedAndSingleValuesOverrideIt) {
  const absl::StatusOr<FactorSet> loaded = Load(
      "grid_intensity = { LIE = 12 }\n"
      "grid_intensity_csv = '''\n"
      "iso3,country_or_region,year,gco2e_per_kwh\n"
      "LIE,Liechtenstein,2025,10\n"
      "CHE,Switzerland,2025,20\n"
      ",World,2025,450\n"
      "'''\n");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->grid_intensity.size(), 3u);
  EXPECT_EQ(loaded->grid_intensity.find("LIE")->second.value.central, 12);
  EXPECT_EQ(loaded->grid_intensity.find("CHE")->second.year, 2025);
  EXPECT_EQ(loaded->grid_intensity.find("CHE")->second.source, "site.toml");
}

struct BadFile {
  const char* toml;
  const char* where;  // and the beginning of what is wrong
  const char* remedy;
};

TEST(FactorsFileTest, ErrorsNamePlaceAndRemedy) {
  for (const BadFile& bad : {
           BadFile{"[pue]\nother = \n", "site.toml:2:", "lib/fedcarbon/carbon/README.md"},
           BadFile{"\n  gird_intensity = 1\n", "site.toml:2:3: unknown key \"gird_intensity\"",
                   "grid_intensity"},
           BadFile{"[grid_intensity]\nCHE = 1\nXXX = 2\n", "site.toml:3:1: unknown country \"XXX\"",
                   "ISO 3166 alpha-3"},
           BadFile{"[grid_intensity]\nche = 1\n", "site.toml:2:1: unknown country \"che\"", "alpha-3"},
           BadFile{"[grid_intensity]\nCHE = \"low\"\n", "site.toml:2:7: a number is wanted here", "central"},
           BadFile{"[grid_intensity]\nCHE = true\n", "site.toml:2:7: a number is wanted here", "central"},
           BadFile{"[grid_intensity]\nCHE = [1]\n", "site.toml:2:7: a number is wanted here", "central"},
           BadFile{"[grid_intensity]\nCHE = -1\n", "site.toml:2:7: -1 is outside of 0 to 1000000", "within"},
           BadFile{"[grid_intensity]\nCHE = nan\n", "site.toml:2:7: nan is outside", "within"},
           BadFile{"[grid_intensity]\nCHE = inf\n", "site.toml:2:7: inf is outside", "within"},
           BadFile{"[grid_intensity]\nCHE = -inf\n", "site.toml:2:7: -inf is outside", "within"},
           BadFile{"[grid_intensity]\nCHE = 1000001\n", "site.toml:2:7: 1000001 is outside", "within"},
           BadFile{"grid_intensity = 5\n", "site.toml:1:18: a table is wanted here", "[grid_intensity]"},
           BadFile{"[grid_intensity]\nCHE = { low = 3, central = 2, high = 4 }\n",
                   "site.toml:2:7: low 3, central 2, high 4", "none may be greater than the next"},
           BadFile{"[grid_intensity]\nCHE = { low = 1, central = 5, high = 4 }\n",
                   "site.toml:2:7: low 1, central 5, high 4", "none may be greater than the next"},
           BadFile{"[grid_intensity]\nCHE = { low = 1, central = 5 }\n", "site.toml:2:7: low and high",
                   "both or neither"},
           BadFile{"[grid_intensity]\nCHE = { low = 1, high = 5 }\n", "site.toml:2:7: no central value",
                   "add central"},
           BadFile{"[grid_intensity]\nCHE = { central = 5, median = 4 }\n",
                   "site.toml:2:22: unknown key \"median\"", "low, central, high, year, source"},
           BadFile{"[grid_intensity]\nCHE = { central = 5, year = 1989 }\n",
                   "site.toml:2:29: a whole number from 1990 to 2100", "year"},
           BadFile{"[grid_intensity]\nCHE = { central = 5, year = 2101 }\n",
                   "site.toml:2:29: a whole number from 1990 to 2100", "year"},
           BadFile{"[grid_intensity]\nCHE = { central = 5, year = 2025.5 }\n",
                   "site.toml:2:29: a whole number from 1990 to 2100", "year"},
           BadFile{"[grid_intensity]\nCHE = { central = 5, source = 5 }\n", "site.toml:2:31: text is wanted",
                   "where the value is from"},
           BadFile{"[pue]\nother = 0.99\n", "site.toml:2:9: 0.99 is outside of 1 to 1000000", "within"},
           BadFile{"[pue]\nother = { low = 0.9, central = 1.2, high = 2 }\n",
                   "site.toml:2:17: 0.9 is outside of 1", "within"},
           BadFile{"[pue]\nhospital = 2\n", "site.toml:2:1: unknown key \"hospital\"", "datacentre, other"},
           BadFile{"[network.\"net.magic/1\"]\nfixed = 2\n",
                   "site.toml:1:10: unknown network model \"net.magic/1\"",
                   "net.default/1, net.malmodin-marginal/2020, net.aslan/2018, net.swd/4"},
           BadFile{"[network.\"net.cumulator/2020\"]\nfixed = 2\n", "site.toml:1:10: unknown (because legacy",
                   "net.default/1"},
           BadFile{"[network.\"net.default/1\"]\nwifi = 2\n", "site.toml:2:1: unknown link kind \"wifi\"",
                   "fixed, mobile, lan, datacentre"},
           BadFile{"network = \"net.default/1\"\n", "site.toml:1:11: a table is wanted here", "[network."},
           BadFile{"grid_intensity_csv = 5\n", "site.toml:1:22: text is wanted", "quotation marks"},
           BadFile{"grid_intensity_csv = 'a,b'\n",
                   "site.toml:1:22: grid_intensity_csv:1: the first line must be",
                   "iso3,country_or_region,year,gco2e_per_kwh"},
           BadFile{"[grid_intensity]\nCHE = 1\nCHE = 2\n", "site.toml:3:", "lib/fedcarbon/carbon/README.md"},
       }) {
    const std::string error = ErrorOf(bad.toml);
    EXPECT_THAT(error, StartsWith(bad.where)) << bad.toml;
    EXPECT_THAT(error, HasSubstr(bad.remedy)) << bad.toml;
  }
}

TEST(FactorsFileTest, LimitsThemselvesPass) {
  EXPECT_TRUE(Load("[grid_intensity]\nCHE = 0\nHUN = 1000000").ok());
  EXPECT_TRUE(Load("[grid_intensity]\nCHE = { low = 5, central = 5, high = 5, year = 1990 }").ok());
  EXPECT_TRUE(Load("[grid_intensity]\nCHE = { central = 5, year = 2100 }").ok());
  EXPECT_TRUE(Load("[pue]\nother = 1").ok());
}

TEST(FactorsFileTest, ATextAboveTheLimitIsRefused) {
  EXPECT_TRUE(Load(std::string(kMaxFactorsText, '\n')).ok());
  EXPECT_THAT(ErrorOf(std::string(kMaxFactorsText + 1, '\n')), StartsWith("site.toml:1:1: 1048577 bytes"));
}

TEST(FactorsFileTest, AllListsEachFactorOnce) {
  std::string last;
  for (const Factor& factor : Load(kExample)->All(2026)) {
    EXPECT_LT(last, factor.name);
    EXPECT_NE(factor.unit, Unit::kUnspecified) << factor.name;
    EXPECT_FALSE(factor.source.empty()) << factor.name;
    EXPECT_EQ(factor.meaning == kNoneStated, !factor.value.interval.has_value()) << factor.name;
    last = factor.name;
  }
}

}  // namespace
}  // namespace fedcarbon
