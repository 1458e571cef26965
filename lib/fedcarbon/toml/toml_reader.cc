#include "fedcarbon/toml/toml_reader.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace fedcarbon {
namespace {

// Bytes of an unknown key that a message shows and compares: it may come from far away, and be long.
constexpr size_t kMaxNamedKey = 64;

// How many characters must be put in, left out or replaced to make one text of the other (Levenshtein).
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// The known key that was probably meant, or all of them.
std::string Remedy(const std::string& unknown, const TableReader& keys) {
  constexpr size_t kTypingErrors = 2;
  const auto nearest = std::min_element(keys.begin(), keys.end(), [&](const auto& a, const auto& b) {
    return Distance(unknown, a.first) < Distance(unknown, b.first);
  });
  if (nearest != keys.end() && Distance(unknown, nearest->first) <= kTypingErrors) {
    return absl::StrCat("did you mean ", nearest->first, "?");
  }
  return absl::StrCat("use ", absl::StrJoin(keys, ", ", [](std::string* out, const auto& key) {
                        absl::StrAppend(out, key.first);
                      }));
}

}  // namespace

absl::Status TomlReader::Read(absl::string_view text, const TableReader& keys) const {
  try {
    const toml::table table = toml::parse(std::string_view(text.data(), text.size()), file_);
    return ReadKeys("", table, keys);
  } catch (const toml::parse_error& error) {  // the library's own way; it ends here
    return Error(error.source(), absl::StrCat("not TOML: ", std::string(error.description()), ": see ",
                                              readme_, " for the format"));
  }
}

absl::Status TomlReader::ReadKeys(const std::string& path, const toml::table& table,
                                  const TableReader& keys) const {
  for (const auto& [toml_key, value] : table) {
    const std::string name(toml_key.str());
    if (std::none_of(keys.begin(), keys.end(), [&name](const auto& key) { return key.first == name; })) {
      return Error(toml_key.source(),
                   absl::StrCat("unknown key \"", path, absl::CHexEscape(name.substr(0, kMaxNamedKey)),
                                "\": ", Remedy(name.substr(0, kMaxNamedKey), keys)));
    }
  }
  for (const auto& [name, read] : keys) {
    if (const toml::node* value = table.get(name); value != nullptr) {
      RETURN_IF_ERROR(read(path + name, *value));
    }
  }
  return absl::OkStatus();
}

absl::Status TomlReader::ReadTable(const std::string& key, const toml::node& node,
                                   const TableReader& keys) const {
  const toml::table* const table = node.as_table();
  if (table == nullptr) return Error(node, key, absl::StrCat("a table is wanted here: write [", key, "]"));
  return ReadKeys(key + ".", *table, keys);
}

absl::StatusOr<std::string> TomlReader::GetText(const std::string& key, const toml::node& node) const {
  std::optional<std::string> text = node.value_exact<std::string>();
  if (!text.has_value()) return Error(node, key, "text is wanted here: write it in quotation marks");
  if (text->empty()) return Error(node, key, "the text is empty: leave the key out instead");
  if (std::any_of(text->begin(), text->end(), absl::ascii_iscntrl)) {
    return Error(node, key, "the text holds a control character: leave it out");
  }
  return *std::move(text);
}

absl::StatusOr<int64_t> TomlReader::GetWhole(const std::string& key, const toml::node& node, int64_t least,
                                             int64_t most) const {
  const std::optional<int64_t> number = node.value_exact<int64_t>();
  if (number.has_value() && *number >= least && *number <= most) return *number;
  return Error(node, key, absl::StrCat("a whole number from ", least, " to ", most, " is wanted here"));
}

ValueReader TomlReader::Number(double least, double most, std::optional<double>* value) const {
  return [this, least, most, value](const std::string& key, const toml::node& node) {
    const std::optional<double> number = node.is_number() ? node.value<double>() : std::nullopt;
    if (!number.has_value() || !(*number >= least && *number <= most)) {
      return Error(node, key, absl::StrFormat("a number from %.15g to %.15g is wanted here", least, most));
    }
    *value = number;
    return absl::OkStatus();
  };
}

ValueReader TomlReader::Flag(bool* value) const {
  return [this, value](const std::string& key, const toml::node& node) {
    const std::optional<bool> flag = node.value_exact<bool>();
    if (!flag.has_value()) return Error(node, key, "true or false is wanted here, without quotation marks");
    *value = *flag;
    return absl::OkStatus();
  };
}

ValueReader TomlReader::Duration(absl::Duration least, absl::Duration most, absl::Duration* value) const {
  return [=](const std::string& key, const toml::node& node) {
    const std::optional<std::string> text = node.value_exact<std::string>();
    absl::Duration duration;
    if (!text.has_value() || !absl::ParseDuration(*text, &duration) || duration < least || duration > most) {
      return Error(node, key,
                   absl::StrCat("a time from ", absl::FormatDuration(least), " to ",
                                absl::FormatDuration(most), " is wanted here: write it as \"10s\""));
    }
    *value = duration;
    return absl::OkStatus();
  };
}

absl::Status TomlReader::Error(const toml::node& where, const std::string& key,
                               const std::string& what) const {
  return Error(where.source(), key.empty() ? what : absl::StrCat(key, ": ", what));
}

absl::Status TomlReader::Error(const toml::source_region& where, const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat(Place(where), ": ", what));
}

std::string TomlReader::Place(const toml::source_region& where) const {
  return absl::StrCat(file_, ":", where.begin.line, ":", where.begin.column);
}

}  // namespace fedcarbon
