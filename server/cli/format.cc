#include "server/cli/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "fedcarbon/text/utf8.h"

namespace fedcarbon::cli {
namespace {

constexpr absl::string_view kEllipsis = "…";

CodePoint Decode(absl::string_view text) { return DecodeUtf8({text.data(), text.size()}); }

/// Control characters, and what changes how the text around it is shown.
bool Dangerous(char32_t value) {
  return value < 0x20 || (value >= 0x7F && value <= 0x9F) || value == 0xAD || value == 0x61C ||
         (value >= 0x200B && value <= 0x200F) || (value >= 0x2028 && value <= 0x202E) ||
         (value >= 0x2060 && value <= 0x206F) || value == 0xFEFF || (value >= 0xFFF9 && value <= 0xFFFB) ||
         (value >= 0xE0000 && value <= 0xE007F);
}

/// Digits of an integer part in groups of three.
std::string Group(absl::string_view digits) {
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

const char* Mark(const v1::Estimate& estimate) { return BoundMark(estimate.at_least(), estimate.at_most()); }

}  // namespace

std::string Thousands(uint64_t value) { return Group(absl::StrCat(value)); }

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  constexpr std::array<const char*, 6> kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1e3;
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1e3;
    ++unit;
  }
  return absl::StrFormat("%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, kUnits[unit]);
}

std::string FormatShare(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  const double percent = 100 * (static_cast<double>(part) / static_cast<double>(whole));
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  return absl::StrFormat("%.*f %%", percent == 0 || percent >= 9.95 ? 0 : 1, percent);
}

std::string DurationText(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 0.9995) return absl::StrFormat("%.0f ms", seconds * 1e3);
  if (seconds < 59.95) return absl::StrFormat("%.1f s", seconds);
  const int64_t whole = std::llround(seconds);
  if (whole < 3600) return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
  if (whole < 86400) return absl::StrFormat("%d h %02d min", whole / 3600, whole % 3600 / 60);
  return absl::StrFormat("%d d %02d h", whole / 86400, whole % 86400 / 3600);
}

std::string TimeText(int64_t unix_micros) {
  if (unix_micros == 0) return "-";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(unix_micros), absl::UTCTimeZone());
}

const char* BoundMark(bool at_least, bool at_most) {
  if (at_least) return at_most ? "≈ " : "≥ ";
  return at_most ? "≤ " : "";
}

std::string ComputeTimeText(uint64_t micros, bool is_upper_bound) {
  if (micros == 0) return "-";
  return absl::StrCat(BoundMark(false, is_upper_bound),
                      DurationText(absl::Microseconds(static_cast<int64_t>(micros))));
}

std::string CpuTimeText(uint64_t micros, bool is_lower_bound) {
  if (micros == 0 && is_lower_bound) return "unknown";
  return absl::StrCat(BoundMark(is_lower_bound, false),
                      DurationText(absl::Microseconds(static_cast<int64_t>(micros))));
}

std::string FormatEnergy(const v1::Estimate& joules) {
  const double size = std::abs(joules.central());
  const bool kilowatt_hours = size >= 3.6e5;
  const double unit = kilowatt_hours ? 3.6e6 : size >= 1e4 ? 1e3 : 1;
  return absl::StrCat(Mark(joules), Significant(joules.central() / unit, Digits(joules)),
                      kilowatt_hours ? " kWh"
                      : size >= 1e4  ? " kJ"
                                     : " J");
}

std::string Significant(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return absl::StrCat(value);
  // What was rounded has the exponent: 9.96 to two digits is 10.
  const double rounded = std::stod(absl::StrFormat("%.*e", digits - 1, std::abs(value)));
  const int exponent = static_cast<int>(std::floor(std::log10(rounded) + 1e-9));
  const std::string text = absl::StrFormat("%.*f", std::max(digits - 1 - exponent, 0), rounded);
  const size_t point = std::min(text.find('.'), text.size());
  return absl::StrCat(value < 0 ? "-" : "", Group(text.substr(0, point)), text.substr(point));
}

int Digits(const v1::Estimate& estimate) {
  if (!estimate.has_low() || !estimate.has_high()) return 3;
  const double low = std::abs(estimate.low());
  const double high = std::abs(estimate.high());
  return high > 5 * low ? 1 : high > 1.5 * low ? 2 : 3;
}

MassUnit MassUnitFor(double grams) {
  constexpr std::array<MassUnit, 4> kUnits = {{{"t", 1e6}, {"kg", 1e3}, {"g", 1}, {"mg", 1e-3}}};
  for (const MassUnit& unit : kUnits) {
    if (std::abs(grams) >= unit.grams) return unit;
  }
  return grams == 0 ? MassUnit{"g", 1} : MassUnit{"µg", 1e-6};
}

std::string FormatCentral(const v1::Estimate& grams, MassUnit unit) {
  return absl::StrCat(Mark(grams), Significant(grams.central() / unit.grams, Digits(grams)));
}

std::string FormatInterval(const v1::Estimate& grams, MassUnit unit) {
  if (!grams.has_low() || !grams.has_high())
    return absl::StrCat(FormatCentral(grams, unit), " (none stated)");
  const int digits = Digits(grams);
  const auto number = [&](double value) { return Significant(value / unit.grams, digits); };
  return absl::StrCat(Mark(grams), number(grams.low()), " – ", number(grams.central()), " – ",
                      number(grams.high()));
}

std::string NodeName(const std::string& node) { return node.empty() ? "(unknown)" : Printable(node); }

std::string Printable(absl::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const CodePoint point = Decode(text);
    if (!point.is_valid || (Dangerous(point.value) && point.value < 0x100)) {
      absl::StrAppendFormat(&printable, "\\x%02X", static_cast<uint32_t>(point.value));
    } else if (Dangerous(point.value)) {
      absl::StrAppendFormat(&printable, "\\u{%04X}", static_cast<uint32_t>(point.value));
    } else if (point.value == '\\') {
      printable += "\\\\";
    } else {
      printable.append(text.data(), point.size);
    }
    text.remove_prefix(point.size);
  }
  return printable;
}

size_t Width(absl::string_view text) {
  size_t width = 0;
  for (; !text.empty(); ++width) text.remove_prefix(Decode(text).size);
  return width;
}

std::string Fit(absl::string_view text, size_t width) {
  const size_t full = Width(text);
  if (full <= width) return std::string(text);
  if (width == 0) return "";
  const size_t head = (width - 1) - (width - 1) / 3;
  const size_t tail = width - 1 - head;
  const auto skip = [](absl::string_view rest, size_t points) {
    size_t bytes = 0;
    for (; points > 0; --points) bytes += Decode(rest.substr(bytes)).size;
    return bytes;
  };
  return absl::StrCat(text.substr(0, skip(text, head)), kEllipsis, text.substr(skip(text, full - tail)));
}

std::string CsvLine(const std::vector<std::string>& fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
      line += fields[i];
    } else {
      absl::StrAppend(&line, "\"", absl::StrReplaceAll(fields[i], {{"\"", "\"\""}}), "\"");
    }
  }
  return line + "\n";
}

std::string CsvNumber(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return std::string(text.data(), end.ptr);
}

}  // namespace fedcarbon::cli
