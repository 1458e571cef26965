// Which texts can be names: the limits of proto/fedcarbon/v1/README.md, checked wherever one enters from
// outside. Pure functions: thread-safe, and never fail.
#pragma once

#include <string_view>

namespace fedcarbon {

bool IsNodeName(std::string_view name);    // lower-case DNS name, at most 253 characters
bool IsRunId(std::string_view run);        // 1 to 64 characters of [A-Za-z0-9._:-]
bool IsMethodName(std::string_view name);  // 1 to 128 characters of [A-Za-z0-9_./-]

}  // namespace fedcarbon
