// Reads a TOML file key by key into variables. Every error is INVALID_ARGUMENT "file:line:column: key: what
// is wrong, and what to do".
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fedcarbon::node {

/// Puts the value of one key where it belongs, or says what is wrong with it. `key` is its name with the
/// tables around it, for messages.
using ValueReader = std::function<absl::Status(const std::string& key, const toml::node& value)>;

/// The keys that a table may have.
using TableReader = std::vector<std::pair<std::string, ValueReader>>;

/// Const access is safe from any thread. The readers that it returns write through the pointers they are
/// given and leave them alone after an error; they do not outlive it.
class TomlReader {
 public:
  /// `file`: its name, for messages.
  explicit TomlReader(std::string file) : file_(std::move(file)) {}

  /// Parses the text and reads its top level.
  absl::Status Read(const std::string& text, const TableReader& keys) const;

  /// Text, as `parse` understands it.
  template <typename T, typename Value>
  ValueReader Text(absl::StatusOr<T> (*parse)(const std::string&), Value* value) const {
    return [this, parse, value](const std::string& key, const toml::node& node) {
      const absl::StatusOr<std::string> text = GetText(key, node);
      if (!text.ok()) return text.status();
      absl::StatusOr<T> parsed = parse(*text);
      if (!parsed.ok()) return Error(node, key, std::string(parsed.status().message()));
      *value = *std::move(parsed);
      return absl::OkStatus();
    };
  }

  /// A whole number.
  template <typename T>
  ValueReader Whole(int64_t least, int64_t most, T* value) const {
    return [this, least, most, value](const std::string& key, const toml::node& node) {
      const absl::StatusOr<int64_t> number = GetWhole(key, node, least, most);
      if (!number.ok()) return number.status();
      *value = static_cast<T>(*number);
      return absl::OkStatus();
    };
  }

  /// Any number.
  ValueReader Number(double least, double most, std::optional<double>* value) const;

  /// true or false.
  ValueReader Flag(bool* value) const;

  /// A time such as "10s", as absl::ParseDuration reads it.
  ValueReader Duration(absl::Duration least, absl::Duration most, absl::Duration* value) const;

  absl::Status ReadTable(const std::string& key, const toml::node& node, const TableReader& keys) const;

  absl::StatusOr<std::string> GetText(const std::string& key, const toml::node& node) const;

  absl::Status Error(const toml::node& where, const std::string& key, const std::string& what) const;

  /// "file:line:column" where this begins.
  std::string Place(const toml::source_region& where) const;

 private:
  absl::StatusOr<int64_t> GetWhole(const std::string& key, const toml::node& node, int64_t least,
                                   int64_t most) const;
  absl::Status ReadKeys(const std::string& path, const toml::table& table, const TableReader& keys) const;

  const std::string file_;
};

}  // namespace fedcarbon::node
