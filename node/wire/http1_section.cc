#include "node/wire/http1_section.h"

namespace fedcarbon::node {

Http1Section::Result Http1Section::Take(std::string_view* bytes) {
  size_t begin = 0;  // of the line, or of its part in `bytes`
  while (begin < bytes->size()) {
    if (line_ == 0 && ((*bytes)[begin] == ' ' || (*bytes)[begin] == '\t')) return Result::kBroken;
    const size_t feed = bytes->find('\n', begin);
    const size_t end = feed == std::string_view::npos ? bytes->size() : feed + 1;
    if (held_.size() + end > limit_) return Result::kTooLong;
    line_ += end - begin;
    begin = end;
    if (feed == std::string_view::npos) break;

    const bool split = feed == 0 && !held_.empty();
    if (line_ < 2 || (split ? held_.back() : (*bytes)[feed - 1]) != '\r') return Result::kBroken;
    const bool empty = line_ == 2;
    line_ = 0;
    if (!empty) continue;
    if (held_.empty()) {
      section_ = bytes->substr(0, end);
    } else {
      Hold(bytes->substr(0, end));
      section_ = {held_.data(), held_.size()};
    }
    bytes->remove_prefix(end);
    return Result::kComplete;
  }
  Hold(*bytes);
  *bytes = {};
  return Result::kIncomplete;
}

void Http1Section::Clear() {
  held_ = std::vector<char>();  // with its memory: an idle connection holds nothing
  section_ = {};
}

void Http1Section::Hold(std::string_view bytes) { held_.insert(held_.end(), bytes.begin(), bytes.end()); }

}  // namespace fedcarbon::node
