#include "fedcarbon/text/country_codes.h"

#include <gtest/gtest.h>

#include <string>

#include "fedcarbon/carbon/factors.h"

namespace fedcarbon {
namespace {

TEST(CountryCodeTest, AssignedCodesAreCountries) {
  for (const char* code : {"ABW", "CHE", "HUN", "LIE", "SSD", "VAT", "ZWE"})
    EXPECT_TRUE(IsCountryCode(code)) << code;
}

TEST(CountryCodeTest, OtherTextIsNone) {
  // Reserved, withdrawn, private or misspelt; then not of the shape.
  for (const char* text : {"EUE", "SUN", "YUG", "XXX", "AAA", "UKR ", " UK", "W A", "   ", "che", "CH",
                           "CHEX", "ABW AFG", "C1E", "756", ""}) {
    EXPECT_FALSE(IsCountryCode(text)) << text;
  }
}

// ISO 3166-1 counts 249; Kosovo is one more.
TEST(CountryCodeTest, ThereAre250) {
  int countries = 0;
  std::string code(3, ' ');
  for (code[0] = 'A'; code[0] <= 'Z'; ++code[0]) {
    for (code[1] = 'A'; code[1] <= 'Z'; ++code[1]) {
      for (code[2] = 'A'; code[2] <= 'Z'; ++code[2]) countries += IsCountryCode(code) ? 1 : 0;
    }
  }
  EXPECT_EQ(countries, 250);
}

TEST(CountryCodeTest, EveryCountryWithAGridIntensityIsOne) {
  int countries = 0;
  for (const auto& [place, factor] : BuiltInFactors()->grid_intensity) {
    if (place.size() != 3 || place.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
      continue;
    EXPECT_TRUE(IsCountryCode(place)) << place;
    ++countries;
  }
  EXPECT_GT(countries, 200);
}

}  // namespace
}  // namespace fedcarbon
