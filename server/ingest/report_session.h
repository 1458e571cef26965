// One reporter's stream of requests, without its transport: checks what comes, and what of it is under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "fedcarbon/v1/report.pb.h"
#include "server/ingest/ingestor.h"

namespace fedcarbon::server {

/// Not thread-safe. `ingestor` must outlive it.
class ReportSession {
 public:
  /// A transport reads no further while this much of one stream is under way.
  static constexpr size_t kMaxUnanswered = 64;
  static constexpr size_t kMaxUnansweredBytes = size_t{512} << 10;

  ReportSession(Ingestor* ingestor, Metrics* metrics) : ingestor_(ingestor), metrics_(metrics) {}

  /// Takes the next request. After OK, `answer` is called once, later or before this returns; in the order of
  /// requests. An error ends the stream, with a code of report.proto, once what came before is answered;
  /// `answer` is not called.
  absl::Status Receive(v1::ReportRequest request, absl::Time received, AnswerFunction answer);

 private:
  absl::Status Greet(v1::Greeting greeting, AnswerFunction answer);
  absl::Status Submit(std::string sealed, absl::Time received, AnswerFunction answer);

  Ingestor* const ingestor_;
  Metrics* const metrics_;
  std::string node_;  // empty: not greeted yet
  uint64_t epoch_ = 0;
};

}  // namespace fedcarbon::server
