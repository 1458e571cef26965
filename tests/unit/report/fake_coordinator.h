// A coordinator without a network: keeps batches by the rules of report.proto, and does what a test's faults
// say.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/report/transport.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon::testing {

/// What happens to a batch that is the next to be committed.
struct Fate {
  bool commit = true;
  bool answer = true;
  std::optional<absl::Status> end;  // then the stream ends
};

/// Of a bad network: batches are lost, answers are, and streams break after either.
inline Fate AnyFate(std::mt19937_64* random) {
  Fate fate;
  fate.commit = (*random)() % 8 != 0;
  fate.answer = fate.commit && (*random)() % 4 != 0;
  if (!fate.commit || (*random)() % 8 == 0) fate.end = absl::UnavailableError("cut");
  return fate;
}

/// Thread-safe.
class FakeCoordinator {
 public:
  explicit FakeCoordinator(const Clock* clock) : clock_(clock) {}

  /// Decides over batch `sequence`. Accepts all by default.
  void SetFate(std::function<Fate(uint64_t sequence)> fate) {
    MutexLock lock(&mutex_);
    fate_ = std::move(fate);
  }

  /// While set, every greeting ends its stream with it.
  void RefuseGreetings(std::optional<absl::Status> status) {
    MutexLock lock(&mutex_);
    refuse_greetings_ = std::move(status);
  }

  /// Forgets what was committed after `watermark`: a coordinator restored from a backup.
  void Restore(uint64_t watermark) {
    MutexLock lock(&mutex_);
    watermark_ = watermark;
    committed_.erase(committed_.upper_bound(watermark), committed_.end());
  }

  void SetClockAhead(absl::Duration ahead) {
    MutexLock lock(&mutex_);
    ahead_ = ahead;
  }

  /// Claims that each answer took this long: more than the round trip is what a stepped clock looks like.
  void SetAnswerTakes(absl::Duration takes) {
    MutexLock lock(&mutex_);
    takes_ = takes;
  }

  /// By sequence.
  std::map<uint64_t, std::string> committed() const {
    MutexLock lock(&mutex_);
    return committed_;
  }

  std::vector<OpenedBatch> Opened() const {
    std::vector<OpenedBatch> opened;
    for (const auto& [sequence, sealed] : committed()) opened.push_back(*OpenSealedBatch(sealed));
    return opened;
  }

  int greetings() const {
    MutexLock lock(&mutex_);
    return greetings_;
  }
  uint64_t request_bytes() const {
    MutexLock lock(&mutex_);
    return request_bytes_;
  }
  std::vector<uint64_t> received() const {
    MutexLock lock(&mutex_);
    return received_;
  }
  /// Sequences that a greeting gave up.
  std::vector<uint64_t> given_up() const {
    MutexLock lock(&mutex_);
    return given_up_;
  }

  struct Outcome {
    std::optional<v1::ReportResponse> response;
    std::optional<absl::Status> end;
  };

  Outcome Handle(const v1::ReportRequest& request) {
    MutexLock lock(&mutex_);
    request_bytes_ += request.ByteSizeLong();
    Outcome outcome;
    if (request.has_greeting()) {
      ++greetings_;
      // A copy of its own: Debian's absl counts references where TSan does not see it.
      if (refuse_greetings_) {
        return {std::nullopt, absl::Status(refuse_greetings_->code(), refuse_greetings_->message())};
      }
      for (; watermark_ + 1 < request.greeting().oldest_sequence(); ++watermark_)
        given_up_.push_back(watermark_ + 1);
      outcome.response = Response(request);
      return outcome;
    }
    const auto opened = OpenSealedBatch(request.sealed_batch());
    if (!opened.ok()) return {std::nullopt, opened.status()};
    const uint64_t sequence = opened->id().sequence;
    received_.push_back(sequence);
    if (sequence > watermark_ + 1) return {std::nullopt, absl::OutOfRangeError("a hole")};
    Fate fate;
    if (sequence == watermark_ + 1) {
      if (fate_) fate = fate_(sequence);
      if (fate.commit) committed_[++watermark_] = request.sealed_batch();
    }
    if (fate.answer) outcome.response = Response(request);
    outcome.end = fate.end;
    return outcome;
  }

 private:
  v1::ReportResponse Response(const v1::ReportRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::ReportResponse response;
    response.set_watermark(watermark_);
    response.set_request_sent_us(request.sent_us());
    response.set_request_received_us(absl::ToUnixMicros(clock_->Now() + ahead_));
    response.set_response_sent_us(absl::ToUnixMicros(clock_->Now() + ahead_ + takes_));
    return response;
  }

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::function<Fate(uint64_t)> fate_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> refuse_greetings_ ABSL_GUARDED_BY(mutex_);
  absl::Duration ahead_ ABSL_GUARDED_BY(mutex_);
  absl::Duration takes_ ABSL_GUARDED_BY(mutex_);
  uint64_t watermark_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::string> committed_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> received_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> given_up_ ABSL_GUARDED_BY(mutex_);
  int greetings_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t request_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

/// Opens streams of one kind to a FakeCoordinator, which must outlive them.
template <typename Stream>
class FakeTransport : public Transport {
 public:
  explicit FakeTransport(FakeCoordinator* coordinator) : coordinator_(coordinator) {}

  std::unique_ptr<ReportClientStream> Open(StreamListener* listener) override {
    return std::make_unique<Stream>(coordinator_, listener);
  }

 private:
  FakeCoordinator* const coordinator_;
};

/// Answers before Send returns: for tests with one thread.
class DirectStream : public ReportClientStream {
 public:
  DirectStream(FakeCoordinator* coordinator, StreamListener* listener)
      : coordinator_(coordinator), listener_(listener) {}

  void Send(v1::ReportRequest request) override {
    if (over_) return;
    FakeCoordinator::Outcome outcome = coordinator_->Handle(request);
    if (outcome.response) listener_->OnResponse(*std::move(outcome.response));
    if (outcome.end) {
      over_ = true;
      listener_->OnEnd(*std::move(outcome.end));
    }
  }

 private:
  FakeCoordinator* const coordinator_;
  StreamListener* const listener_;
  bool over_ = false;
};
using DirectTransport = FakeTransport<DirectStream>;

/// Answers on a thread of each stream's own, as a network does.
class ThreadedStream : public ReportClientStream {
 public:
  ThreadedStream(FakeCoordinator* coordinator, StreamListener* listener)
      : thread_([this, coordinator, listener] { Run(coordinator, listener); }) {}

  ~ThreadedStream() override {
    {
      MutexLock lock(&mutex_);
      closed_ = true;
      changed_.NotifyAll();
    }
    thread_.join();
  }

  void Send(v1::ReportRequest request) override {
    MutexLock lock(&mutex_);
    requests_.push_back(std::move(request));
    changed_.NotifyAll();
  }

 private:
  void Run(FakeCoordinator* coordinator, StreamListener* listener) {
    while (true) {
      v1::ReportRequest request;
      {
        MutexLock lock(&mutex_);
        while (!closed_ && requests_.empty()) changed_.Wait(&mutex_);
        if (closed_) return;
        request = std::move(requests_.front());
        requests_.pop_front();
      }
      FakeCoordinator::Outcome outcome = coordinator->Handle(request);
      if (outcome.response) listener->OnResponse(*std::move(outcome.response));
      if (outcome.end) {
        listener->OnEnd(*std::move(outcome.end));
        return;
      }
    }
  }

  Mutex mutex_;
  CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<v1::ReportRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};
using ThreadedTransport = FakeTransport<ThreadedStream>;

}  // namespace fedcarbon::testing
