#include "node/frameworks/protobuf_fields.h"

#include <algorithm>
#include <utility>

namespace fedcarbon::node {
namespace {

enum WireType : uint64_t { kVarintType = 0, kFixed64Type = 1, kLengthType = 2, kFixed32Type = 5 };

constexpr uint32_t kTypeBits = 3;
constexpr uint64_t kMaxFieldNumber = (uint64_t{1} << 29) - 1;
constexpr uint32_t kVarintBits = 70;  // ten bytes of seven

}  // namespace

void ProtobufFields::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (step_) {
      case Step::kTag:
      case Step::kVarint:
      case Step::kLength:
        TakeVarint(&bytes);
        break;
      case Step::kFixed:
        TakeFixed(&bytes);
        break;
      case Step::kShown:
        TakeShown(&bytes);
        break;
      case Step::kSkipped: {
        const std::string_view taken =
            bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size())));
        bytes.remove_prefix(taken.size());
        skip_ -= taken.size();
        if (skip_ == 0) step_ = Step::kTag;
        if (field_ != kNone) listener_->OnRest(field_, taken);
        break;
      }
      case Step::kBroken:
        return;
    }
    if (step_ == Step::kTag && number_bits_ == 0) LeaveEnded();
  }
}

bool ProtobufFields::Finish() {
  const bool is_whole = step_ == Step::kTag && number_bits_ == 0 && depth_ == 0;
  step_ = Step::kTag;
  depth_ = 0;
  number_ = 0;
  number_bits_ = 0;
  shown_.clear();
  return is_whole;
}

void ProtobufFields::TakeVarint(std::string_view* bytes) {
  size_t taken = 0;
  uint8_t byte = 0x80;
  while ((byte & 0x80) != 0 && taken < bytes->size() && number_bits_ < kVarintBits) {
    byte = static_cast<uint8_t>((*bytes)[taken++]);
    number_ |= uint64_t{byte & 0x7fu} << number_bits_;
    number_bits_ += 7;
  }
  bytes->remove_prefix(taken);
  Pass(taken);
  if (step_ == Step::kBroken) return;
  if ((byte & 0x80) != 0) {
    if (number_bits_ >= kVarintBits) step_ = Step::kBroken;
    return;
  }
  const uint64_t number = std::exchange(number_, 0);
  number_bits_ = 0;
  switch (step_) {
    case Step::kTag:
      return BeginField(number);
    case Step::kLength:
      return BeginValue(number);
    default:
      step_ = Step::kTag;
      if (field_ != kNone) listener_->OnNumber(field_, number);
  }
}

void ProtobufFields::BeginField(uint64_t tag) {
  const uint64_t number = tag >> kTypeBits;
  if (number == 0 || number > kMaxFieldNumber) {
    step_ = Step::kBroken;
    return;
  }
  at_[depth_] = static_cast<uint32_t>(number);
  field_ = kNone;
  goes_in_ = false;
  for (size_t i = 0; i < table_->size(); ++i) {
    const FieldPath& path = (*table_)[i];
    if (path[depth_] != at_[depth_]) continue;  // nearly all
    if (!std::equal(at_.begin(), at_.begin() + depth_, path.begin())) continue;
    if (depth_ + 1 < path.size() && path[depth_ + 1] != 0) {
      goes_in_ = true;
    } else {
      field_ = i;
    }
  }
  switch (tag & ((1u << kTypeBits) - 1)) {
    case kVarintType:
      step_ = Step::kVarint;
      break;
    case kFixed64Type:
      step_ = Step::kFixed;
      fixed_bytes_ = sizeof(uint64_t);
      break;
    case kFixed32Type:
      step_ = Step::kFixed;
      fixed_bytes_ = sizeof(uint32_t);
      break;
    case kLengthType:
      step_ = Step::kLength;
      break;
    default:  // groups: nobody sends them any more
      step_ = Step::kBroken;
  }
}

void ProtobufFields::BeginValue(uint64_t length) {
  if (goes_in_) {
    if (depth_ > 0 && length > left_[depth_ - 1]) {
      step_ = Step::kBroken;
      return;
    }
    left_[depth_++] = length;
    step_ = Step::kTag;
    if (field_ != kNone) listener_->OnBytes(field_, {}, length);
    return;
  }
  Pass(length);
  if (step_ == Step::kBroken) return;
  length_ = skip_ = length;
  if (field_ != kNone) {
    step_ = Step::kShown;
    if (length == 0) {
      std::string_view nothing;
      TakeShown(&nothing);
    }
  } else {
    step_ = length == 0 ? Step::kTag : Step::kSkipped;
  }
}

void ProtobufFields::TakeFixed(std::string_view* bytes) {
  const auto byte = static_cast<uint8_t>(bytes->front());
  bytes->remove_prefix(1);
  Pass(1);
  if (step_ == Step::kBroken) return;
  number_ |= uint64_t{byte} << number_bits_;
  number_bits_ += 8;
  if (number_bits_ < 8 * fixed_bytes_) return;
  const uint64_t number = std::exchange(number_, 0);
  number_bits_ = 0;
  step_ = Step::kTag;
  if (field_ != kNone) listener_->OnNumber(field_, number);
}

void ProtobufFields::TakeShown(std::string_view* bytes) {
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(length_, kShownBytes)) - shown_.size();
  const std::string_view taken = bytes->substr(0, wanted);
  bytes->remove_prefix(taken.size());
  skip_ -= taken.size();
  if (taken.size() < wanted) {
    shown_ += taken;
    return;
  }
  step_ = skip_ == 0 ? Step::kTag : Step::kSkipped;
  if (shown_.empty()) return listener_->OnBytes(field_, taken, length_);
  shown_ += taken;
  listener_->OnBytes(field_, shown_, length_);
  shown_ = std::string();
}

// Of every message that we are inside of. What does not fit there breaks it.
void ProtobufFields::Pass(uint64_t count) {
  for (size_t i = 0; i < depth_; ++i) {
    if (count > left_[i]) {
      step_ = Step::kBroken;
      return;
    }
    left_[i] -= count;
  }
}

void ProtobufFields::LeaveEnded() {
  while (depth_ > 0 && left_[depth_ - 1] == 0) --depth_;
}

}  // namespace fedcarbon::node
