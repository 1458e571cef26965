#include "node/wire/http1_body.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fedcarbon::node {

namespace {

/// -1: not a hexadecimal digit.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Http1Body::State Http1Body::state() const {
  switch (step_) {
    case Step::kTrailers:
      return State::kTrailers;
    case Step::kEnded:
      return State::kEnded;
    case Step::kBroken:
      return State::kBroken;
    default:
      return State::kOpen;
  }
}

std::string_view Http1Body::Take(std::string_view* bytes) {
  while (!bytes->empty() && state() == State::kOpen) {
    if (step_ == Step::kUntilClose) {
      return std::exchange(*bytes, {});
    } else if (step_ == Step::kLength || step_ == Step::kData) {
      const std::string_view content =
          bytes->substr(0, static_cast<size_t>(std::min<uint64_t>(remaining_, bytes->size())));
      bytes->remove_prefix(content.size());
      remaining_ -= content.size();
      if (remaining_ == 0) step_ = step_ == Step::kLength ? Step::kEnded : Step::kDataEnd;
      return content;
    } else {
      step_ = Next(bytes->front());
      bytes->remove_prefix(1);
    }
  }
  return {};
}

Http1Body::Step Http1Body::Next(char c) {
  switch (step_) {
    case Step::kSize:
    case Step::kSizeMore:
      if (const int digit = HexDigit(c); digit >= 0) {
        if (remaining_ > std::numeric_limits<uint64_t>::max() / 16) return Step::kBroken;
        remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
        return Step::kSizeMore;
      }
      if (step_ == Step::kSize) return Step::kBroken;
      [[fallthrough]];
    case Step::kBlank:
      if (c == ' ' || c == '\t') return Step::kBlank;
      if (c == ';') return Step::kExtension;
      return c == '\r' ? Step::kSizeEnd : Step::kBroken;
    case Step::kExtension:
      if (c == '\n') return Step::kBroken;
      return c == '\r' ? Step::kSizeEnd : Step::kExtension;
    case Step::kSizeEnd:
      if (c != '\n') return Step::kBroken;
      return remaining_ > 0 ? Step::kData : Step::kTrailers;
    case Step::kDataEnd:
      return c == '\r' ? Step::kDataEnd2 : Step::kBroken;
    case Step::kDataEnd2:
      return c == '\n' ? Step::kSize : Step::kBroken;
    default:
      return Step::kBroken;
  }
}

}  // namespace fedcarbon::node
