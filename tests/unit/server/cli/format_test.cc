#include "server/cli/format.h"

#include <gtest/gtest.h>

#include "server/cli/table.h"

namespace fedcarbon::cli {
namespace {

v1::Estimate Within(double low, double central, double high) {
  v1::Estimate estimate;
  estimate.set_low(low);
  estimate.set_central(central);
  estimate.set_high(high);
  return estimate;
}

TEST(Format, IntegersHaveThousandsSeparators) {
  EXPECT_EQ(Thousands(0), "0");
  EXPECT_EQ(Thousands(999), "999");
  EXPECT_EQ(Thousands(1'000), "1,000");
  EXPECT_EQ(Thousands(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(Format, BytesAreDecimalWithThreeDigits) {
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1'000), "1.00 kB");
  EXPECT_EQ(FormatBytes(12'345), "12.3 kB");
  EXPECT_EQ(FormatBytes(999499), "999 kB");
  EXPECT_EQ(FormatBytes(999'500), "1.00 MB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "18.4 EB");
}

TEST(Format, SharesHaveOneDigitBehindThePointWhereTheyAreSmall) {
  EXPECT_EQ(FormatShare(0, 5), "0 %");
  EXPECT_EQ(FormatShare(1, 100'000), "< 0.1 %");
  EXPECT_EQ(FormatShare(1, 1'000), "0.1 %");
  EXPECT_EQ(FormatShare(99'4, 10'000), "9.9 %");
  EXPECT_EQ(FormatShare(996, 10'000), "10 %");
  EXPECT_EQ(FormatShare(UINT64_MAX, UINT64_MAX), "100 %");
  EXPECT_EQ(FormatShare(0, 0), "-");
}

TEST(Format, BoundsAreMarked) {
  EXPECT_STREQ(BoundMark(false, false), "");
  EXPECT_STREQ(BoundMark(true, false), "≥ ");
  EXPECT_STREQ(BoundMark(false, true), "≤ ");
  EXPECT_STREQ(BoundMark(true, true), "≈ ");
  EXPECT_EQ(ComputeTimeText(31'000'000, true), "≤ 31.0 s");
  EXPECT_EQ(ComputeTimeText(31'000'000, false), "31.0 s");
  EXPECT_EQ(ComputeTimeText(0, false), "-");
  EXPECT_EQ(CpuTimeText(31'000'000, true), "≥ 31.0 s");
  EXPECT_EQ(CpuTimeText(0, true), "unknown");
  EXPECT_EQ(CpuTimeText(0, false), "0 ms");
  v1::Estimate grams;
  grams.set_central(2);
  grams.set_at_most(true);
  EXPECT_EQ(FormatCentral(grams, MassUnitFor(2)), "≤ 2.00");
  EXPECT_EQ(FormatInterval(grams, MassUnitFor(2)), "≤ 2.00 (none stated)");
  EXPECT_EQ(FormatEnergy(grams), "≤ 2.00 J");
}

TEST(Format, DurationsCarryIntoTheNextUnit) {
  EXPECT_EQ(DurationText(absl::Milliseconds(850)), "850 ms");
  EXPECT_EQ(DurationText(absl::Milliseconds(999.6)), "1.0 s");
  EXPECT_EQ(DurationText(absl::Seconds(59.96)), "1 min 00 s");
  EXPECT_EQ(DurationText(absl::Seconds(252)), "4 min 12 s");
  EXPECT_EQ(DurationText(absl::Minutes(185)), "3 h 05 min");
  EXPECT_EQ(DurationText(absl::Hours(51)), "2 d 03 h");
}

TEST(Format, TimesAreIso8601AndZeroIsUnknown) {
  EXPECT_EQ(TimeText(1'717'243'200'000'000), "2024-06-01T12:00:00Z");
  EXPECT_EQ(TimeText(0), "-");
}

TEST(Format, SignificantDigitsCarry) {
  EXPECT_EQ(Significant(0, 2), "0");
  EXPECT_EQ(Significant(9.96, 2), "10");
  EXPECT_EQ(Significant(0.0996, 2), "0.10");
  EXPECT_EQ(Significant(1234.5, 2), "1,200");
  EXPECT_EQ(Significant(1234567.8, 4), "1,235,000");
  EXPECT_EQ(Significant(0.00312, 1), "0.003");
  EXPECT_EQ(Significant(-12.34, 3), "-12.3");
  EXPECT_EQ(Significant(1000, 4), "1,000");
}

TEST(Format, WiderIntervalsDeserveFewerDigits) {
  EXPECT_EQ(Digits(Within(1, 1.2, 1.5)), 3);
  EXPECT_EQ(Digits(Within(1, 1.2, 1.51)), 2);
  EXPECT_EQ(Digits(Within(1, 2, 5)), 2);
  EXPECT_EQ(Digits(Within(1, 2, 5.01)), 1);
  EXPECT_EQ(Digits(Within(0, 2, 5)), 1);
  EXPECT_EQ(Digits(v1::Estimate()), 3);
}

TEST(Format, EstimatesSayLowerBoundsAndUnstatedIntervals) {
  v1::Estimate estimate = Within(0.0012, 0.0031, 0.0098);
  EXPECT_EQ(FormatInterval(estimate, MassUnitFor(estimate.central())), "1 – 3 – 10");
  estimate.set_at_least(true);
  EXPECT_EQ(FormatInterval(estimate, {"g", 1}), "≥ 0.001 – 0.003 – 0.01");
  estimate.clear_low();
  estimate.clear_high();
  EXPECT_EQ(FormatInterval(estimate, {"g", 1}), "≥ 0.00310 (none stated)");
  EXPECT_EQ(FormatCentral(estimate, {"mg", 1e-3}), "≥ 3.10");
}

TEST(Format, UnitsOfMassFollowTheSize) {
  EXPECT_STREQ(MassUnitFor(0).name, "g");
  EXPECT_STREQ(MassUnitFor(0.9e-3).name, "µg");
  EXPECT_STREQ(MassUnitFor(0.9).name, "mg");
  EXPECT_STREQ(MassUnitFor(999.9).name, "g");
  EXPECT_STREQ(MassUnitFor(1000).name, "kg");
  EXPECT_STREQ(MassUnitFor(2e6).name, "t");
}

TEST(Printable, NothingThatSteersATerminalPasses) {
  EXPECT_EQ(Printable("\x1b[31mred\x07\n"), "\\x1B[31mred\\x07\\x0A");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "\\x9B31m");                                      // C1's CSI
  EXPECT_EQ(Printable("a\xe2\x80\xaetxt"), "a\\u{202E}txt");  // right-to-left override
  EXPECT_EQ(Printable("\xff\xc0\xaf\xed\xa0\x80"), "\\xFF\\xC0\\xAF\\xED\\xA0\\x80");  // no UTF-8
  EXPECT_EQ(Printable("back\\slash"), "back\\\\slash");
  EXPECT_EQ(Printable("Zürich <b>心</b>"), "Zürich <b>心</b>");
  EXPECT_EQ(Printable("\xe2\x80"), "\\xE2\\x80");  // cut short
}

TEST(Fit, LongTextLosesAPartBehindItsMiddle) {
  EXPECT_EQ(Fit("abcdef", 6), "abcdef");
  EXPECT_EQ(Fit("abcdefg", 6), "abcd…g");
  EXPECT_EQ(Fit("Zürich-Höngg", 8), "Züric…gg");
  EXPECT_EQ(Fit("abc", 1), "…");
  EXPECT_EQ(Fit("abc", 0), "");
}

TEST(Wrap, BreaksBetweenWordsAndCutsLongerOnes) {
  Style style;
  style.width = 12;
  EXPECT_EQ(Wrap("! ", "one two three", style), "! one two\n  three\n");
  EXPECT_EQ(Wrap("", "abcdefghijklmno", style), "abcdefgh…mno\n");
}

TEST(Csv, FieldsAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(CsvLine({"a", "b,c", "d\"e", ""}), "a,\"b,c\",\"d\"\"e\",\n");
  EXPECT_EQ(CsvNumber(0.1), "0.1");
  EXPECT_EQ(CsvNumber(1e-7), "1e-07");
}

}  // namespace
}  // namespace fedcarbon::cli
