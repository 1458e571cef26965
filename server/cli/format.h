// Numbers, times and names as people read them on a terminal. All rounding and scaling of what the command
// prints stands here.
//
// Pure functions, safe from any thread. Text is UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon::cli {

/// 1234567 as "1,234,567".
std::string Thousands(uint64_t value);

/// Bytes with a decimal unit and three digits: "999 B", "1.23 kB", "45.6 MB".
std::string FormatBytes(uint64_t bytes);

/// `part` of `whole` in percent: "46 %", "3.2 %", "< 0.1 %"; "-" of nothing.
std::string FormatShare(uint64_t part, uint64_t whole);

/// A duration: "850 ms", "12.3 s", "4 min 12 s", "3 h 05 min", "2 d 03 h".
std::string DurationText(absl::Duration duration);

/// UTC in ISO 8601, to the second: "2026-11-23T20:37:02Z"; "-" for 0, which is unknown.
std::string TimeText(int64_t unix_micros);

/// What stands before a number: "≥ " where parts are unknown, "≤ " where parts are upper bounds, "≈ " where
/// both are, else nothing.
const char* BoundMark(bool at_least, bool at_most);

/// Compute time: a duration with its mark, "≤ 31.0 s"; "-" for none.
std::string ComputeTimeText(uint64_t micros, bool is_upper_bound);

/// CPU or accelerator time: a duration with its mark, "≥ 31.0 s"; "unknown" where nothing of it is known.
std::string CpuTimeText(uint64_t micros, bool is_lower_bound);

/// Joules, as J, kJ or kWh, with its mark.
std::string FormatEnergy(const v1::Estimate& joules);

/// `value` to `digits` significant digits, without an exponent, with thousands separators.
std::string Significant(double value, int digits);

/// Significant digits that an estimate deserves: 1 where high / low > 5, 2 where > 1.5, else 3, also where no
/// interval is stated.
int Digits(const v1::Estimate& estimate);

/// A unit of mass that a table shares: "µg", "mg", "g", "kg" or "t", with its size in grams.
struct MassUnit {
  const char* name;
  double grams;
};

/// The greatest unit in which `grams` is at least 1.
MassUnit MassUnitFor(double grams);

/// The central value in `unit`, with its mark; the unit itself is not printed.
std::string FormatCentral(const v1::Estimate& grams, MassUnit unit);

/// "low – central – high", or "central (none stated)" where the method states no interval, with its mark. The
/// unit is not printed.
std::string FormatInterval(const v1::Estimate& grams, MassUnit unit);

/// Text from elsewhere, made safe for a terminal: control characters, bidirectional overrides, invisible
/// characters and invalid UTF-8 become \xNN or \u{NNNN}, a backslash "\\".
std::string Printable(absl::string_view text);

/// A node, or "(unknown)" where it has no name.
std::string NodeName(const std::string& node);

/// Columns that `text` takes: its code points.
size_t Width(absl::string_view text);

/// `text` in at most `width` columns: what is too long loses a part behind its middle to "…".
std::string Fit(absl::string_view text, size_t width);

/// One line of CSV (RFC 4180, but ending in a newline alone).
std::string CsvLine(const std::vector<std::string>& fields);

/// A double for CSV: the shortest text that reads back as the same number; empty for an absent value.
std::string CsvNumber(double value);

}  // namespace fedcarbon::cli
