// Tables of text for a terminal of a given width.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace fedcarbon::cli {

/// How to print: `width` columns at most; `color`: with ANSI escapes.
struct Style {
  size_t width = 80;
  bool color = false;
};

/// A heading, emphasised where colour is allowed.
std::string Heading(absl::string_view text, const Style& style);

/// `text` broken between words into lines of at most `style.width`, the first after `first`, the others after
/// as many blanks. A word that is longer is cut by "…".
std::string Wrap(absl::string_view first, absl::string_view text, const Style& style);

/// Cells must be printable already (format.h). Not thread-safe.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell per column.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }

  /// Two blanks between columns. Where that is too wide, the widest left-aligned columns give way first, and
  /// their texts lose their middle.
  std::string Print(const Style& style) const;

 private:
  std::vector<size_t> Widths(size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace fedcarbon::cli
