#include "server/web/target.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/utf8.h"

namespace fedcarbon::server {
namespace {

absl::Status Malformed(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("malformed percent-encoding or UTF-8 in \"", absl::CHexEscape(text), "\""));
}

absl::StatusOr<std::string> Decode(absl::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) || !absl::ascii_isxdigit(text[i + 2])) {
        return Malformed(text);
      }
      decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    }
  }
  if (!IsUtf8(decoded)) return Malformed(text);
  return decoded;
}

}  // namespace

absl::StatusOr<Target> ParseTarget(absl::string_view target) {
  if (target.empty() || target[0] != '/') {
    return absl::InvalidArgumentError("the request target must be a path that begins with /");
  }
  const size_t question = target.find('?');
  const absl::string_view path = target.substr(1, question == target.npos ? target.npos : question - 1);
  Target result;
  for (const absl::string_view segment : absl::StrSplit(path, '/')) {
    ASSIGN_OR_RETURN(result.path.emplace_back(), Decode(segment, false));
  }
  if (question == target.npos) return result;
  for (const absl::string_view pair : absl::StrSplit(target.substr(question + 1), '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    ASSIGN_OR_RETURN(std::string name, Decode(parts.first, true));
    ASSIGN_OR_RETURN(std::string value, Decode(parts.second, true));
    result.parameters.emplace(std::move(name), std::move(value));
  }
  return result;
}

std::vector<std::string> ParameterReader::Texts(const std::string& name) {
  std::vector<std::string> values;
  const auto range = unread_.equal_range(name);
  for (auto it = range.first; it != range.second; ++it) values.push_back(it->second);
  unread_.erase(range.first, range.second);
  return values;
}

std::string ParameterReader::Text(const std::string& name) {
  const std::vector<std::string> values = Texts(name);
  if (values.size() > 1)
    status_.Update(absl::InvalidArgumentError(absl::StrCat(name, ": given more than once")));
  return values.empty() ? "" : values.front();
}

std::optional<uint64_t> ParameterReader::Number(const std::string& name, uint64_t least, uint64_t most) {
  if (unread_.count(name) == 0) return std::nullopt;
  const std::string text = Text(name);
  const std::optional<uint64_t> number = ParseNumber(text);
  if (number && *number >= least && *number <= most) return number;
  status_.Update(absl::InvalidArgumentError(absl::StrCat(
      name, ": \"", absl::Utf8SafeCHexEscape(text), "\" is not a whole number from ", least, " to ", most)));
  return std::nullopt;
}

absl::Status ParameterReader::Finish() const {
  if (!status_.ok() || unread_.empty()) return status_;
  return absl::InvalidArgumentError(
      absl::StrCat(absl::Utf8SafeCHexEscape(unread_.begin()->first), ": unknown parameter here"));
}

std::optional<uint64_t> ParseNumber(absl::string_view text) {
  uint64_t number = 0;
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
  if (!digits || !absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

}  // namespace fedcarbon::server
