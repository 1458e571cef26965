// A program under test, in a process of its own.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace fedcarbon {

/// Killed, if it still runs, when this goes. Not thread-safe.
class ChildProcess {
 public:
  /// Starts arguments[0]. Its standard output is read by ReadLine, its errors gather in a file.
  explicit ChildProcess(const std::vector<std::string>& arguments) {
    int output[2];
    EXPECT_EQ(pipe2(output, O_CLOEXEC), 0);
    errors_ = tmpfile();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(errors_), STDERR_FILENO);
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ), 0) << argv[0];
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    output_ = output[0];
  }
  ~ChildProcess() {
    if (pid_ > 0) {
      Signal(SIGKILL);
      Wait();
    }
    close(output_);
    fclose(errors_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The next line of standard output, without its end; empty at the end of the output, or after a minute.
  std::string ReadLine() {
    std::string line;
    for (char c = 0;;) {
      pollfd readable{output_, POLLIN, 0};
      if (poll(&readable, 1, 60'000) != 1 || read(output_, &c, 1) != 1 || c == '\n') return line;
      line += c;
    }
  }

  void Signal(int signal) { kill(pid_, signal); }

  /// Waits for its end: its exit status, or 128 + the signal that ended it.
  int Wait() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  /// What it wrote to standard error so far.
  std::string Errors() {
    std::string text(1 << 16, '\0');
    const ssize_t size = pread(fileno(errors_), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return text;
  }

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  FILE* errors_ = nullptr;
};

}  // namespace fedcarbon
