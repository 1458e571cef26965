// One way for errors to go up: macros that return them, and the first of several checks.
//
// ```cpp
// #include <string>
//
// absl::StatusOr<std::string> Read(const std::string& path);
// absl::Status Parse(const std::string& text, int* port);
//
// absl::StatusOr<int> ReadPort(const std::string& path) {
//   ASSIGN_OR_RETURN(const std::string text, Read(path));
//   int port = 0;
//   RETURN_IF_ERROR(Parse(text, &port));
//   return port;
// }
// ```
//
// Not installed: a library's macros have no place in its users' programs.
#pragma once

#include <initializer_list>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fedcarbon {

/// The first that is not OK, in the order given; OK if all are. All checks were made before it is called.
inline absl::Status FirstError(std::initializer_list<absl::Status> checks) {
  for (const absl::Status& check : checks) {
    if (!check.ok()) return check;
  }
  return absl::OkStatus();
}

}  // namespace fedcarbon

/// Returns from this function with the status that `expression`, an absl::Status, gave, unless that is OK.
#define RETURN_IF_ERROR(expression)                                                                    \
  do {                                                                                                 \
    if (absl::Status fedcarbon_status = (expression); !fedcarbon_status.ok()) return fedcarbon_status; \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration stands in none.
/// Moves the value of `expression`, an absl::StatusOr, into `target`, a declaration or a variable; returns
/// from this function with its status if there is none. A type with a comma in it is written as auto.
#define ASSIGN_OR_RETURN(target, expression) \
  FEDCARBON_ASSIGN_OR_RETURN(FEDCARBON_UNIQUE_NAME(fedcarbon_status_or_, __LINE__), target, expression)

#define FEDCARBON_ASSIGN_OR_RETURN(status_or, target, expression) \
  auto status_or = (expression);                                  \
  if (!status_or.ok()) return std::move(status_or).status();      \
  target = *std::move(status_or)
// NOLINTEND(bugprone-macro-parentheses)
#define FEDCARBON_UNIQUE_NAME(prefix, line) FEDCARBON_JOIN(prefix, line)
#define FEDCARBON_JOIN(a, b) a##b
