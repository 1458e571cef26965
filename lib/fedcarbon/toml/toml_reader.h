// Reads a TOML file key by key into variables. Every error is INVALID_ARGUMENT "file:line:column: key: what
// is wrong, and what to do"; where a key is passed as "", it is left out of the message.
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
#include "fedcarbon/status/status.h"

namespace fedcarbon {

/// Puts the value of one key where it belongs, or says what is wrong with it. `key` is its name with the
/// tables around it, for messages.
using ValueReader = std::function<absl::Status(const std::string& key, const toml::node& value)>;

/// The keys that a table may have. They are read in this order, whatever that of the file.
using TableReader = std::vector<std::pair<std::string, ValueReader>>;

/// Const access is safe from any thread. The readers that it returns write through the pointers they are
/// given and leave them alone after an error; they do not outlive it.
class TomlReader {
 public:
  /// For messages: the file's name, and the document that explains its format.
  TomlReader(std::string file, std::string readme) : file_(std::move(file)), readme_(std::move(readme)) {}

  /// Parses the text and reads its top level.
  absl::Status Read(absl::string_view text, const TableReader& keys) const;

  /// Text, as `parse` understands it.
  template <typename T, typename Value>
  ValueReader Text(absl::StatusOr<T> (*parse)(const std::string&), Value* value) const {
    return [this, parse, value](const std::string& key, const toml::node& node) {
      ASSIGN_OR_RETURN(const std::string text, GetText(key, node));
      absl::StatusOr<T> parsed = parse(text);
      if (!parsed.ok()) return Error(node, key, std::string(parsed.status().message()));
      *value = *std::move(parsed);
      return absl::OkStatus();
    };
  }

  /// A whole number.
  template <typename T>
  ValueReader Whole(int64_t least, int64_t most, T* value) const {
    return [this, least, most, value](const std::string& key, const toml::node& node) {
      ASSIGN_OR_RETURN(const int64_t number, GetWhole(key, node, least, most));
      *value = static_cast<T>(number);
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

  /// `path` goes before the keys in messages: "listener.".
  absl::Status ReadKeys(const std::string& path, const toml::table& table, const TableReader& keys) const;

  absl::Status Error(const toml::node& where, const std::string& key, const std::string& what) const;
  absl::Status Error(const toml::source_region& where, const std::string& what) const;

  /// "file:line:column" where this begins.
  std::string Place(const toml::source_region& where) const;

 private:
  absl::StatusOr<int64_t> GetWhole(const std::string& key, const toml::node& node, int64_t least,
                                   int64_t most) const;
  absl::StatusOr<std::string> GetText(const std::string& key, const toml::node& node) const;

  const std::string file_;
  const std::string readme_;
};

}  // namespace fedcarbon
