#include "fedcarbon/report/sealer.h"

#include <fstream>
#include <utility>

#include "fedcarbon/status/check.h"
#include "fedcarbon/text/names.h"

namespace fedcarbon {
namespace {

std::string BootId() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

}  // namespace

Sealer::Sealer(SealerOptions options, BatchQueue* queue, const Clock* clock)
    : options_(std::move(options)),
      boot_id_(BootId()),
      queue_(queue),
      clock_(clock),
      builder_(options_.batch_bytes) {
  if (!options_.keep.empty()) keeper_.emplace(options_.keep);
}

void Sealer::Add(const Fact& fact) {
  if (const auto* node = std::get_if<v1::Node>(&fact)) {
    node_ = *node;
    node_is_told_ = false;
  }
  if (const auto* transfer = std::get_if<Transfer>(&fact);
      transfer != nullptr && transfer->method != kOtherMethod && !AdmitMethod(transfer->method)) {
    Transfer other = *transfer;
    other.method = std::string(kOtherMethod);
    Add(other);
    return;
  }
  if (AddToBatch(fact)) return;
  Seal();
  if (AddToBatch(fact)) return;
  AddGap(v1::Gap::REASON_OVERSIZE, clock_->Now(), 1, "a fact that fits no batch");
}

bool Sealer::AdmitMethod(const std::string& method) {
  if (methods_.contains(method)) return true;
  if (methods_.size() == kMaxMethods || !IsMethodName(method)) return false;
  methods_.insert(method);
  return true;
}

bool Sealer::AddToBatch(const Fact& fact) {
  if (!builder_.Add(fact)) return false;
  if (facts_ == 0) first_added_ = clock_->Now();
  ++facts_;
  return true;
}

void Sealer::CountLost(uint64_t facts, absl::Time since, const char* detail) {
  if (facts > 0) AddGap(v1::Gap::REASON_QUEUE_FULL, since, facts, detail);
}

void Sealer::AddGap(v1::Gap::Reason reason, absl::Time from, uint64_t facts, const char* detail) {
  for (Gap& gap : gaps_) {
    if (gap.reason == reason && gap.detail == detail) {
      gap.to = clock_->Now();
      gap.facts += facts;
      return;
    }
  }
  Gap gap;
  gap.reason = reason;
  gap.from = from;
  gap.to = clock_->Now();
  gap.facts = facts;
  gap.detail = detail;
  gaps_.push_back(std::move(gap));
}

void Sealer::Seal() {
  do {
    if (node_is_due_ && builder_.Add(*node_)) node_is_due_ = false;
    size_t told = 0;
    while (told < gaps_.size() && builder_.Add(gaps_[told])) ++told;
    if (builder_.empty() || !Enqueue(told)) return;
  } while (!gaps_.empty());
}

bool Sealer::Enqueue(size_t told) {
  const BatchId id{options_.node, options_.epoch, queue_->next()};
  const std::string sealed = builder_.Seal(id, {clock_->Now(), clock_->Monotonic(), boot_id_});
  const uint64_t facts = std::exchange(facts_, 0);
  if (!queue_->Append(sealed).ok()) {
    if (facts > 0) AddGap(v1::Gap::REASON_QUEUE_FULL, first_added_, facts, "the queue of batches was full");
    node_is_due_ = node_.has_value() && !node_is_told_;
    return false;
  }
  FEDCARBON_CHECK(queue_->next() == id.sequence + 1);
  FEDCARBON_CHECK(told <= gaps_.size());
  gaps_.erase(gaps_.begin(), gaps_.begin() + static_cast<std::ptrdiff_t>(told));
  node_is_told_ = node_.has_value() && !node_is_due_;
  if (keeper_) keeper_->Write(id, sealed);
  return true;
}

}  // namespace fedcarbon
