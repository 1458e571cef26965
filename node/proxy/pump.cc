#include "node/proxy/pump.h"

#include <algorithm>

#include "fedcarbon/status/check.h"
#include "node/proxy/worker.h"

namespace fedcarbon::node {

Pump::Outcome Pump::Run() {
  for (size_t turn = 0; !is_done_;) {
    if (!rest_.empty()) {
      if (!to_->is_writable) return Outcome::kWaiting;
      if (!WriteRest()) return Break();
      if (!rest_.empty()) return Outcome::kWaiting;
    }
    if (is_over_) return Finish();
    if (!from_->is_readable) return Outcome::kWaiting;
    if (turn >= pace_.read_size()) return Outcome::kMore;

    const size_t size = std::min(worker_->ReadSize(), pace_.read_size());
    const ByteStream::ReadResult read = from_->stream->Read(worker_->buffer(), size, from_->is_ending);
    turn += read.bytes;
    read_bytes_ += read.bytes;
    if (read.after != ByteStream::After::kMore) from_->is_readable = false;
    if (read.bytes > 0 && !Write({worker_->buffer(), read.bytes})) return Break();
    switch (read.after) {
      case ByteStream::After::kMore:
      case ByteStream::After::kDrained:
        break;
      case ByteStream::After::kEnd:
      case ByteStream::After::kTruncated:
        is_over_ = true;
        is_truncated_ = read.after == ByteStream::After::kTruncated;
        break;
      case ByteStream::After::kBroken:
        return Outcome::kReset;
    }
  }
  return Outcome::kWaiting;
}

// False if the other leg is broken.
bool Pump::Write(std::string_view bytes) {
  const ByteStream::WriteResult written = to_->stream->Write(bytes);
  Tap(bytes.substr(0, written.bytes));
  if (written.broken) return false;
  if (written.bytes < bytes.size()) {
    to_->is_writable = false;
    rest_.assign(bytes.begin() + written.bytes, bytes.end());
    worker_->AddHeld(static_cast<int64_t>(rest_.capacity()));
  }
  return true;
}

// False if the other leg is broken.
bool Pump::WriteRest() {
  const std::string_view rest = std::string_view(rest_.data(), rest_.size()).substr(rest_begin_);
  const ByteStream::WriteResult written = to_->stream->Write(rest);
  Tap(rest.substr(0, written.bytes));
  rest_begin_ += written.bytes;
  if (written.broken) return false;
  if (written.bytes < rest.size()) {
    to_->is_writable = false;
  } else {
    Drop();
  }
  return true;
}

void Pump::Tap(std::string_view bytes) {
  carried_bytes_ += bytes.size();
  FEDCARBON_CHECK(carried_bytes_ <= read_bytes_);
  pace_.Passed(bytes.size(), meter_->Passed(end_, bytes));
}

void Pump::Drop() {
  const auto held = static_cast<int64_t>(rest_.capacity());
  rest_ = std::vector<char>();  // with its memory: an idle connection holds nothing
  worker_->AddHeld(static_cast<int64_t>(rest_.capacity()) - held);
  rest_begin_ = 0;
}

// What the other leg had sent before may still be there to be read, as an early answer is: the other
// direction goes on until it meets the end.
Pump::Outcome Pump::Break() {
  Drop();
  is_over_ = is_done_ = true;
  to_->is_broken = to_->is_readable = to_->is_ending = true;
  return Outcome::kBroken;
}

Pump::Outcome Pump::Finish() {
  if (from_->is_broken) return Outcome::kReset;
  FEDCARBON_CHECK(!is_done_ && rest_.empty() && carried_bytes_ == read_bytes_);
  if (!to_->stream->FinishWriting(is_truncated_)) {
    to_->is_writable = false;
    return Outcome::kWaiting;
  }
  is_done_ = true;
  meter_->Finished(end_);
  return Outcome::kWaiting;
}

}  // namespace fedcarbon::node
