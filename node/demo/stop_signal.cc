#include "node/demo/stop_signal.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace fedcarbon::demo {
namespace {

// How the destructor wakes the thread.
constexpr int kEnd = SIGUSR1;

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, kEnd}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

void BlockStopSignals() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

StopSignal::StopSignal(std::function<void()> on_stop)
    : thread_([this, on_stop = std::move(on_stop)] {
        const sigset_t signals = Signals();
        int signal = 0;
        sigwait(&signals, &signal);
        if (signal == kEnd) return;
        received_ = signal;
        on_stop();
      }) {}

StopSignal::~StopSignal() {
  pthread_kill(thread_.native_handle(), kEnd);
  thread_.join();
}

}  // namespace fedcarbon::demo
