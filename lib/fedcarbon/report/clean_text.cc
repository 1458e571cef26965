#include "fedcarbon/report/clean_text.h"

#include <algorithm>

namespace fedcarbon {
namespace {

/// The length of the UTF-8 sequence that `text` begins with, or 0 if it begins with none (RFC 3629, table 3-7
/// of Unicode).
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || !continues(1)) return 0;
  if (byte(0) < 0xE0) return 2;
  if (!continues(2)) return 0;
  if (byte(0) < 0xF0) {
    const bool overlong = byte(0) == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = byte(0) == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = byte(0) == 0xF0 && byte(1) < 0x90;
  const bool beyond_unicode = byte(0) == 0xF4 && byte(1) > 0x8F;
  return overlong || beyond_unicode || !continues(3) ? 0 : 4;
}

}  // namespace

std::string CleanText(std::string_view text, size_t max_bytes) {
  std::string clean;
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const size_t step = std::max<size_t>(length, 1);
    if (clean.size() + step > max_bytes) break;
    if (length == 0) {
      clean += '?';
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(step);
  }
  return clean;
}

}  // namespace fedcarbon
