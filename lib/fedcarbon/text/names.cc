#include "fedcarbon/text/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace fedcarbon {
namespace {

bool IsMadeOf(std::string_view text, size_t max_size, std::string_view punctuation) {
  return !text.empty() && text.size() <= max_size && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(c) || punctuation.find(c) != std::string_view::npos;
  });
}

bool IsLowerAlphanumeric(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

bool IsDnsLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 && IsLowerAlphanumeric(label.front()) &&
         IsLowerAlphanumeric(label.back()) &&
         std::all_of(label.begin(), label.end(), [](char c) { return IsLowerAlphanumeric(c) || c == '-'; });
}

}  // namespace

bool IsNodeName(std::string_view name) {
  if (name.size() > 253) return false;
  while (true) {
    const size_t dot = name.find('.');
    if (!IsDnsLabel(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool IsRunId(std::string_view run) { return IsMadeOf(run, 64, "._:-"); }

bool IsMethodName(std::string_view name) { return IsMadeOf(name, 128, "_./-"); }

}  // namespace fedcarbon
