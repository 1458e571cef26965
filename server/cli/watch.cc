#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/cli/commands.h"
#include "server/cli/footprint_view.h"
#include "server/cli/format.h"

namespace fedcarbon::cli {
namespace {

constexpr char kHome[] = "\x1b[H";
constexpr char kClearLine[] = "\x1b[K";
constexpr char kClearBelow[] = "\x1b[J";
constexpr char kClearScreen[] = "\x1b[2J";

/// While it lives, SIGINT and SIGTERM cancel a call instead of killing the program. They must be blocked in
/// every other thread: construct it before any other starts.
class CancelOnSignal {
 public:
  explicit CancelOnSignal(grpc::ClientContext* context) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::thread([this, context] {
      const timespec poll{0, 100'000'000};
      while (!done_) {
        if (sigtimedwait(&signals_, nullptr, &poll) < 0) continue;
        signalled_ = true;
        context->TryCancel();
        return;
      }
    });
  }
  ~CancelOnSignal() {
    done_ = true;
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  CancelOnSignal(const CancelOnSignal&) = delete;
  CancelOnSignal& operator=(const CancelOnSignal&) = delete;

  bool signalled() const { return signalled_; }

 private:
  sigset_t signals_;
  sigset_t before_;
  std::atomic<bool> done_{false};
  std::atomic<bool> signalled_{false};
  std::thread thread_;
};

std::string OneLine(const v1::WatchRunResponse& response) {
  const v1::RunFootprint& run = response.run();
  const MassUnit unit = MassUnitFor(run.footprint().total().central());
  return absl::StrCat(TimeText(run.run().last_fact_us()), " ", Printable(run.run().id()), " rounds ",
                      Thousands(run.run().rounds()), ", computation ",
                      FormatCentral(run.footprint().computation(), unit), " ", unit.name, ", communication ",
                      FormatCentral(run.footprint().communication(), unit), " ", unit.name, ", ",
                      FormatBytes(run.footprint().counted_bytes()), "\n");
}

/// Overwrites the screen line by line, so that it does not flicker.
void Redraw(const std::string& text) {
  std::string screen = kHome;
  for (const char c : text) {
    if (c == '\n') screen += kClearLine;
    screen += c;
  }
  std::cout << screen << kClearBelow << std::flush;
}

}  // namespace

absl::Status Watch(Client* client, const v1::WatchRunRequest& request, const Style& style) {
  grpc::ClientContext context;
  const CancelOnSignal signals(&context);
  const auto reader = client->stub()->WatchRun(&context, request);
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  v1::WatchRunResponse response;
  if (terminal) std::cout << kClearScreen << kHome << "waiting for a run ..." << std::flush;
  while (reader->Read(&response)) {
    if (terminal) {
      Redraw(WatchText(response, style));
    } else {
      std::cout << OneLine(response) << std::flush;
    }
  }
  const grpc::Status status = reader->Finish();
  if (terminal) std::cout << std::endl;
  return status.ok() || signals.signalled() ? absl::OkStatus() : client->Explain(status);
}

}  // namespace fedcarbon::cli
