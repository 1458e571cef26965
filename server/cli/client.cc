#include "server/cli/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "fedcarbon/report/grpc/coordinator_address.h"
#include "fedcarbon/status/grpc/status.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon::cli {
namespace {

constexpr absl::Duration kSilentFor = absl::Seconds(2);

}  // namespace

absl::StatusOr<Client> Client::Connect(const std::string& address, bool insecure) {
  RETURN_IF_ERROR(CheckCoordinatorAddress(address, insecure));
  // The user's proxy settings are for the web.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  return Client(address, v1::FootprintService::NewStub(grpc::CreateCustomChannel(
                             address, grpc::InsecureChannelCredentials(), arguments)));
}

absl::Status Client::Explain(const grpc::Status& status) const {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return absl::UnavailableError(absl::StrCat("no coordinator answers at ", address_,
                                               ": start fedcarbon-coordinator there, or name another by ",
                                               "--coordinator HOST:PORT or FEDCARBON_COORDINATOR"));
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError(absl::StrCat(address_, " did not answer within ",
                                                    absl::FormatDuration(kAnswerWithin), "; try again"));
  }
  return FromGrpc(status);
}

class Progress::State {
 public:
  explicit State(std::string text) : text_(std::move(text)), thread_([this] { Run(); }) {}
  ~State() {
    {
      MutexLock lock(&mutex_);
      done_ = true;
    }
    changed_.NotifyAll();
    thread_.join();
  }

 private:
  /// False once the wait is over.
  bool WaitFor(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    const absl::Duration end = Clock::System()->Monotonic() + duration;
    absl::Duration left = duration;
    while (!done_ && left > absl::ZeroDuration()) {
      changed_.WaitFor(&mutex_, left);
      left = end - Clock::System()->Monotonic();
    }
    return !done_;
  }

  void Run() {
    if (!WaitFor(kSilentFor)) return;
    if (isatty(STDERR_FILENO) == 0) {
      std::cerr << "fedcarbon: " << text_ << std::endl;
      return;
    }
    const absl::Duration start = Clock::System()->Monotonic() - kSilentFor;
    do {
      std::cerr << "\r" << text_ << " (" << absl::ToInt64Seconds(Clock::System()->Monotonic() - start)
                << " s)" << std::flush;
    } while (WaitFor(absl::Seconds(1)));
    std::cerr << "\r\x1b[K" << std::flush;
  }

  const std::string text_;
  Mutex mutex_;
  CondVar changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

Progress::Progress(std::string text) : state_(std::make_unique<State>(std::move(text))) {}
Progress::~Progress() = default;

}  // namespace fedcarbon::cli
