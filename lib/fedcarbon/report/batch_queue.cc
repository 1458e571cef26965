#include "fedcarbon/report/batch_queue.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/check.h"

namespace fedcarbon {

absl::Status MemoryBatchQueue::Append(std::string sealed) {
  const Bytes size(sealed.size());
  if (held_ + size > capacity_) {
    return absl::ResourceExhaustedError(absl::StrCat("queue of ", capacity_.count(),
                                                     " bytes is full: it holds ", held_.count(), " bytes in ",
                                                     batches_.size(), " batches"));
  }
  held_ += size;
  batches_.push_back(std::move(sealed));
  return absl::OkStatus();
}

absl::StatusOr<std::string> MemoryBatchQueue::Read(uint64_t sequence) const {
  if (sequence < oldest_ || sequence >= next()) {
    return absl::NotFoundError(absl::StrCat("batch ", sequence, " is not held"));
  }
  return batches_[sequence - oldest_];
}

void MemoryBatchQueue::Free(uint64_t watermark) {
  FEDCARBON_CHECK(watermark < next());
  while (!batches_.empty() && oldest_ <= watermark) {
    const Bytes size(batches_.front().size());
    FEDCARBON_CHECK(size <= held_);
    held_ -= size;
    batches_.pop_front();
    ++oldest_;
  }
}

}  // namespace fedcarbon
