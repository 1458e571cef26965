// UTF-8 (RFC 3629): reading it, judging it, and making text that is not into text that is. Pure functions:
// thread-safe, and never fail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fedcarbon {

/// A code point, and how many bytes it took. A byte that begins none stands for itself, and is not valid.
struct CodePoint {
  char32_t value = 0;
  size_t size = 1;
  bool is_valid = false;
};

/// What `text` begins with; `text` is not empty. Overlong forms, surrogates, sequences that are cut short and
/// values beyond U+10FFFF are not valid.
CodePoint DecodeUtf8(std::string_view text);

bool IsUtf8(std::string_view text);

/// `text` as protobuf accepts it: at most `max_bytes`, cut between characters, each byte that is not UTF-8
/// replaced by '?'.
std::string CleanText(std::string_view text, size_t max_bytes);

}  // namespace fedcarbon
