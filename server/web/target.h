// What a request asks for: the path and query of an HTTP request target, decoded and bounded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fedcarbon::server {

/// A path cut at its slashes, then percent-decoded: "/runs/a%2Fb" is {"runs", "a/b"}, "/" is {""}.
struct Target {
  std::vector<std::string> path;
  std::multimap<std::string, std::string> parameters;  // values of one name keep their order
};

/// INVALID_ARGUMENT for a target that is not a path, or whose percent-encoding or UTF-8 is malformed.
absl::StatusOr<Target> ParseTarget(absl::string_view target);

/// Reads the parameters of one request; an error names the parameter. Whoever asks reads all that it knows,
/// then calls Finish(), which reports the first error, or a parameter that nobody read. Not thread-safe.
class ParameterReader {
 public:
  /// `parameters` must outlive this.
  explicit ParameterReader(const std::multimap<std::string, std::string>& parameters) : unread_(parameters) {}

  /// Absent: empty. Given twice is an error.
  std::string Text(const std::string& name);
  /// A whole number from `least` to `most`, in decimal digits alone.
  std::optional<uint64_t> Number(const std::string& name, uint64_t least, uint64_t most);
  /// May be given several times.
  std::vector<std::string> Texts(const std::string& name);

  absl::Status Finish() const;

 private:
  std::multimap<std::string, std::string> unread_;
  absl::Status status_;
};

/// The number that `text` is, written in decimal digits alone; none if it is not one, or over 64 bits.
std::optional<uint64_t> ParseNumber(absl::string_view text);

}  // namespace fedcarbon::server
