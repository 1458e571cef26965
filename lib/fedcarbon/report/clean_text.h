// Text for people on its way into a batch.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fedcarbon {

/// `text` as protobuf accepts it: at most `max_bytes`, cut between characters, each byte that is not UTF-8
/// replaced by '?'.
std::string CleanText(std::string_view text, size_t max_bytes);

}  // namespace fedcarbon
