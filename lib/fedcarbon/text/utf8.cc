#include "fedcarbon/text/utf8.h"

namespace fedcarbon {

CodePoint DecodeUtf8(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const CodePoint invalid{first, 1, false};
  if (first < 0x80) return {first, 1, true};
  // 0xC0 and 0xC1 begin only overlong forms, 0xF5 and above only what lies beyond Unicode.
  if (first < 0xC2 || first > 0xF4) return invalid;
  const size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < size) return invalid;
  char32_t value = first & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return invalid;
    value = value << 6 | (byte(i) & 0x3F);
  }
  const bool is_overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (is_overlong || is_surrogate || value > 0x10FFFF) return invalid;
  return {value, size, true};
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    if (!point.is_valid) return false;
    text.remove_prefix(point.size);
  }
  return true;
}

std::string CleanText(std::string_view text, size_t max_bytes) {
  std::string clean;
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    if (clean.size() + point.size > max_bytes) break;
    if (point.is_valid) {
      clean += text.substr(0, point.size);
    } else {
      clean += '?';
    }
    text.remove_prefix(point.size);
  }
  return clean;
}

}  // namespace fedcarbon
