// `fedcarbon-node run`: a command as one span.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fedcarbon::node {

/// As the command line has them; an empty text says nothing.
struct RunFlags {
  std::string run, round, kind, socket;
  std::vector<std::string> command;  // not empty
};

/// Runs the command, says so at the socket, and returns the command's own exit status. What cannot be said is
/// lost, with one line on standard error, and changes nothing for the command. INVALID_ARGUMENT names the
/// flag and the remedy, and the command is not run. To be called while the process has one thread.
absl::StatusOr<int> Run(const RunFlags& flags);

}  // namespace fedcarbon::node
