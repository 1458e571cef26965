// What must hold whatever comes from outside. A status is for what others do wrong; a check is for what this
// code did wrong, where going on would spoil an account: what was counted would then be false for ever.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace fedcarbon {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace fedcarbon

/// Ends the program, in every build, if `condition` is false.
#define FEDCARBON_CHECK(condition)                     \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::fedcarbon::CheckFailed(#condition, __FILE__, __LINE__))
