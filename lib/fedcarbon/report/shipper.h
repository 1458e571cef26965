// Brings the batches of a queue to the coordinator, each one and in order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"
#include "fedcarbon/report/backoff.h"
#include "fedcarbon/report/batch_queue.h"
#include "fedcarbon/report/transport.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"

namespace fedcarbon {

struct ShipperOptions {
  std::string node;
  uint64_t epoch = 0;
  uint64_t window = 16;  // batches that are sent and not yet acknowledged, at most
  absl::Duration first_backoff = absl::Milliseconds(100);
  absl::Duration longest_backoff = absl::Seconds(10);
  absl::Duration refused_backoff = absl::Minutes(2);  // after what only a person can mend
  absl::Duration answer_timeout = absl::Seconds(30);  // without an answer that is due, the stream is given up
  absl::Duration clock_interval = absl::Minutes(1);   // between ClockReading facts of one stream
  std::function<double()> random;                     // draws from [0, 1), for the jitter
};

/// A state machine without a thread: whoever owns it calls Step() when UntilNextStep() has passed or `wake`
/// was called. So a test drives it with a clock of its own.
///
/// What ends a stream, and what follows:
///  - A broken connection, a timeout, OUT_OF_RANGE, anything unnamed: back off, connect, greet, resend what
///    lies above the watermark.
///  - INVALID_ARGUMENT with one batch under way: that batch can never be accepted. It is freed and becomes a
///    Gap; the next greeting names the batch after it as the oldest, and the coordinator closes the hole.
///    With several under way it is not known which: they are sent again one by one.
///  - FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED, UNIMPLEMENTED, or INVALID_ARGUMENT without a
///    batch: all is kept, the next attempt comes after a long time.
///
/// Used by one thread, but for the listener.
class Shipper : private StreamListener {
 public:
  /// `record` takes the Clock and Gap facts that come up here, on the thread of Step(). `wake` is called on
  /// any thread. `queue` and `clock` outlive this.
  Shipper(ShipperOptions options, std::unique_ptr<Transport> transport, BatchQueue* queue, const Clock* clock,
          std::function<void(Fact)> record, std::function<void()> wake);
  ~Shipper() override;

  /// Does all that can be done now: takes answers, connects, sends. Does not block.
  void Step();

  /// How long nothing will be due, if no answer comes and the queue does not grow.
  absl::Duration UntilNextStep() const;

  /// Ends the wait between attempts.
  void Hurry() { next_attempt_ = absl::ZeroDuration(); }

  /// Ends the stream; Step() is not called after it.
  void Close();

  /// All batches up to this sequence are committed, or were refused for ever.
  uint64_t watermark() const { return watermark_; }

  /// How many batches were refused for ever.
  uint64_t refused() const { return refused_; }

  /// Message bytes of requests and of responses since the last call that returned some. None before a
  /// response came: greetings that nobody heard are told once somebody does.
  std::pair<Bytes, Bytes> TakeTraffic();

 private:
  struct Answer {
    v1::ReportResponse response;
    absl::Time received;
  };

  void OnResponse(v1::ReportResponse response) override;
  void OnEnd(absl::Status status) override;

  void Connect();
  void HandleAnswer(const Answer& answer);
  void HandleEnd(const absl::Status& status);
  void DropRefused(const absl::Status& status);
  void SendMore();
  void Send(v1::ReportRequest request);
  void NoteClock(const Answer& answer, bool is_greeting);
  uint64_t under_way() const;  // sent on this stream, and not acknowledged

  const ShipperOptions options_;
  const std::unique_ptr<Transport> transport_;
  BatchQueue* const queue_;
  const Clock* const clock_;
  const std::function<void(Fact)> record_;
  const std::function<void()> wake_;

  bool greeted_ = false;  // the stream's greeting was answered
  uint64_t next_ = 1;     // the batch to send next on this stream
  uint64_t watermark_ = 0;
  uint64_t one_by_one_until_ = 0;  // up to this batch, one may be under way: one of them is bad
  uint64_t refused_ = 0;
  absl::Duration answer_due_ = absl::InfiniteDuration();  // by the monotonic clock
  absl::Duration next_attempt_;
  Backoff backoff_;
  bool is_away_ = false;  // and a warning was logged
  absl::Duration last_clock_fact_ = -absl::InfiniteDuration();
  Bytes sent_;
  Bytes received_;

  Mutex mutex_;
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);

  // Null between attempts; destroyed first, for it calls the listener.
  std::unique_ptr<ReportClientStream> stream_;
};

}  // namespace fedcarbon
