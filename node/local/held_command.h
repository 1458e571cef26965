// A command as a process that waits for the word to begin.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/sockets/file_descriptor.h"

namespace fedcarbon::node {

/// Used by one thread. From Fork() on this process leaves TERM, INT, HUP, QUIT, USR1, USR2 and CHLD to
/// Wait().
class HeldCommand {
 public:
  struct Ended {
    int exit_status;     // as a shell has it: 128 + n after signal n
    absl::Duration cpu;  // of the command and of those of its children that it waited for
  };

  /// Forks; to be called while the process has one thread. `arguments` begin with the program, which is
  /// looked for in PATH; it runs with the signals, descriptors and environment of this process.
  static absl::StatusOr<HeldCommand> Fork(const std::vector<std::string>& arguments);

  /// Lets it begin. NOT_FOUND or PERMISSION_DENIED, with the reason, if the program cannot be run: the exit
  /// status is then 127 or 126.
  absl::Status Release();

  /// Waits until it has ended, and passes the signals on that come meanwhile; but not those of a terminal,
  /// which have reached the command already.
  Ended Wait();

 private:
  HeldCommand(pid_t process, const sigset_t& signals, FileDescriptor go, FileDescriptor failure)
      : process_(process), signals_(signals), go_(std::move(go)), failure_(std::move(failure)) {}

  pid_t process_;
  sigset_t signals_;
  FileDescriptor go_;       // closed with a byte written: begin; without: never mind
  FileDescriptor failure_;  // the errno of what kept the program from running
};

}  // namespace fedcarbon::node
