#include "server/ingest/report_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/names.h"
#include "server/ingest/extract_totals.h"

namespace fedcarbon::server {

absl::Status ReportSession::Receive(v1::ReportRequest request, absl::Time received, AnswerFunction answer) {
  switch (request.request_case()) {
    case v1::ReportRequest::kGreeting:
      return Greet(std::move(*request.mutable_greeting()), std::move(answer));
    case v1::ReportRequest::kSealedBatch: {
      metrics_->batch_bytes += request.sealed_batch().size();
      absl::Status status = Submit(std::move(*request.mutable_sealed_batch()), received, std::move(answer));
      if (!status.ok()) ++metrics_->batches_refused;
      return status;
    }
    case v1::ReportRequest::REQUEST_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("a request is a greeting or a sealed batch");
}

absl::Status ReportSession::Greet(v1::Greeting greeting, AnswerFunction answer) {
  if (!node_.empty()) return absl::InvalidArgumentError("a stream has one greeting");
  if (!IsNodeName(greeting.node())) {
    return absl::InvalidArgumentError("greeting: node is no lower-case DNS name of at most 253 characters");
  }
  if (greeting.epoch() == 0) return absl::InvalidArgumentError("greeting: no epoch");
  if (greeting.oldest_sequence() == 0 || greeting.oldest_sequence() > kMaxStored) {
    return absl::InvalidArgumentError("greeting: oldest_sequence is not from 1 to 2^63 - 1");
  }
  node_ = greeting.node();
  epoch_ = greeting.epoch();
  ingestor_->Greet(std::move(greeting), std::move(answer));
  return absl::OkStatus();
}

absl::Status ReportSession::Submit(std::string sealed, absl::Time received, AnswerFunction answer) {
  if (node_.empty()) return absl::InvalidArgumentError("the first request of a stream is a greeting");
  ASSIGN_OR_RETURN(const OpenedBatch opened, OpenSealedBatch(sealed));
  if (opened.batch.node() != node_ || opened.batch.epoch() != epoch_) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", opened.batch.sequence(), " is of node '",
                                                   opened.batch.node(), "', epoch ", opened.batch.epoch(),
                                                   ": the stream greeted as '", node_, "', ", epoch_));
  }
  ASSIGN_OR_RETURN(TotalsDelta delta, ExtractTotals(opened));
  ingestor_->Submit({opened.id(), received, std::move(sealed), std::move(delta)}, std::move(answer));
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
