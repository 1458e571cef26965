#include "node/local/held_command.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::node {
namespace {

constexpr int kCannotRun = 126;
constexpr int kNotFound = 127;

struct Pipe {
  FileDescriptor from, to;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot make a pipe: ", std::strerror(errno)));
  }
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

ssize_t ReadAll(int fd, void* bytes, size_t size) {
  ssize_t count;
  do {
    count = read(fd, bytes, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

// In the child.
[[noreturn]] void Become(std::vector<char*> arguments, const sigset_t& signals, int go, int failure) {
  char word;
  if (ReadAll(go, &word, 1) != 1) _exit(kCannotRun);  // who forked has gone
  pthread_sigmask(SIG_SETMASK, &signals, nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(failure, &error, sizeof(error));
  _exit(error == ENOENT ? kNotFound : kCannotRun);
}

}  // namespace

absl::StatusOr<HeldCommand> HeldCommand::Fork(const std::vector<std::string>& arguments) {
  ASSIGN_OR_RETURN(Pipe go, MakePipe());
  ASSIGN_OR_RETURN(Pipe failure, MakePipe());
  std::vector<char*> texts;
  for (const std::string& argument : arguments) texts.push_back(const_cast<char*>(argument.c_str()));
  texts.push_back(nullptr);

  std::signal(SIGCHLD, SIG_DFL);  // who is ignored leaves no status behind
  sigset_t signals, before;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) {
    sigaddset(&signals, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  const pid_t process = fork();
  if (process == 0) {
    go.to = FileDescriptor();
    Become(std::move(texts), before, go.from.get(), failure.to.get());
  }
  if (process < 0) return absl::ResourceExhaustedError(absl::StrCat("cannot fork: ", std::strerror(errno)));
  return HeldCommand(process, signals, std::move(go.to), std::move(failure.from));
}

absl::Status HeldCommand::Release() {
  const char word = 'g';
  [[maybe_unused]] const ssize_t written = write(go_.get(), &word, 1);
  int error = 0;
  if (ReadAll(failure_.get(), &error, sizeof(error)) != sizeof(error)) return absl::OkStatus();
  return error == ENOENT ? absl::NotFoundError(std::strerror(error))
                         : absl::PermissionDeniedError(std::strerror(error));
}

HeldCommand::Ended HeldCommand::Wait() {
  while (true) {
    int status = 0;
    rusage usage{};
    if (wait4(process_, &status, WNOHANG, &usage) == process_) {
      return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
              absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime)};
    }
    siginfo_t info;
    const int signal = sigwaitinfo(&signals_, &info);
    if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL) kill(process_, signal);
  }
}

}  // namespace fedcarbon::node
