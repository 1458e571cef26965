// Header sections of HTTP/1.1 out of a stream of bytes.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "fedcarbon/units/units.h"

namespace fedcarbon::node {

/// Gathers one section: lines up to and including the empty one. Where a read holds all of it, it is seen in
/// place; otherwise its first part is kept, at most `limit` bytes. What lies between the lines' ends is not
/// looked at, but two shapes on whose reading peers differ break it: a line that ends in LF alone, and one
/// that begins with a blank (obs-fold).
class Http1Section {
 public:
  enum class Result { kIncomplete, kComplete, kBroken, kTooLong };

  explicit Http1Section(Bytes limit) : limit_(limit.count()) {}

  /// Takes from the front of `bytes` what belongs to the section. Once it is complete, Clear() begins
  /// another.
  Result Take(std::string_view* bytes);

  /// The section with all its line ends, once complete: valid until Clear() and as long as the bytes taken.
  std::string_view section() const { return section_; }

  void Clear();

  /// Of memory, for the section: 0 between two of them, and where each is seen in place.
  size_t held_bytes() const { return held_.capacity(); }

 private:
  void Hold(std::string_view bytes);

  const size_t limit_;
  std::vector<char> held_;  // what earlier reads brought
  size_t line_ = 0;         // how much of held_ belongs to the line that is not over
  std::string_view section_;
};

}  // namespace fedcarbon::node
