// Assertions at run time: what can only be a programmer's error ends the program before it spoils an account.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace fedcarbon {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace fedcarbon

/// Aborts, naming the place, unless `condition` holds. In every build.
#define FEDCARBON_CHECK(condition)                     \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::fedcarbon::CheckFailed(#condition, __FILE__, __LINE__))
