// Which texts are countries.
#pragma once

#include <string_view>

namespace fedcarbon {

/// An assigned ISO 3166-1 alpha-3 code, in capitals, or XKX (Kosovo). Pure: thread-safe, and never fails.
bool IsCountryCode(std::string_view code);

}  // namespace fedcarbon
