#include "server/cli/table.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/cli/format.h"

namespace fedcarbon::cli {
namespace {

constexpr size_t kGutter = 2;
constexpr size_t kNarrowestText = 8;

}  // namespace

std::string Heading(absl::string_view text, const Style& style) {
  const std::string fitted = Fit(text, style.width);
  return style.color ? absl::StrCat("\x1b[1m", fitted, "\x1b[0m\n") : absl::StrCat(fitted, "\n");
}

std::string Wrap(absl::string_view first, absl::string_view text, const Style& style) {
  const std::string indent(Width(first), ' ');
  const size_t room = style.width - std::min(style.width - 1, indent.size());
  std::string lines(first);
  size_t used = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::string fitted = Fit(word, room);
    const size_t width = Width(fitted);
    if (used > 0 && used + 1 + width > room) {
      absl::StrAppend(&lines, "\n", indent);
      used = 0;
    }
    absl::StrAppend(&lines, used > 0 ? " " : "", fitted);
    used += width + (used > 0 ? 1 : 0);
  }
  return lines + "\n";
}

std::vector<size_t> Table::Widths(size_t width) const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < columns_.size(); ++column) {
    widths.push_back(Width(columns_[column].title));
    for (const auto& row : rows_) widths.back() = std::max(widths.back(), Width(row[column]));
  }
  size_t total = std::accumulate(widths.begin(), widths.end(), kGutter * (columns_.size() - 1));
  for (; total > width; --total) {
    size_t widest = columns_.size();
    for (size_t column = 0; column < columns_.size(); ++column) {
      if (columns_[column].align == Align::kRight || widths[column] <= kNarrowestText) continue;
      if (widest == columns_.size() || widths[column] > widths[widest]) widest = column;
    }
    if (widest == columns_.size()) break;  // nothing left to give way
    --widths[widest];
  }
  return widths;
}

std::string Table::Print(const Style& style) const {
  const std::vector<size_t> widths = Widths(style.width);
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (size_t column = 0; column < columns_.size(); ++column) {
      const std::string cell = Fit(cell_of(column), widths[column]);
      const std::string padding(widths[column] - Width(cell), ' ');
      const bool right = columns_[column].align == Align::kRight;
      absl::StrAppend(&text, column > 0 ? std::string(kGutter, ' ') : "", right ? padding : "", cell,
                      right ? "" : padding);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::string text = Heading(line([&](size_t column) { return columns_[column].title; }), style);
  for (const auto& row : rows_)
    absl::StrAppend(&text, line([&](size_t column) { return row[column]; }), "\n");
  return text;
}

}  // namespace fedcarbon::cli
