#include "node/wire/hpack_inflater.h"

#include <algorithm>
#include <new>
#include <utility>

namespace fedcarbon::node {
namespace {

constexpr char kTooLong[] = "HTTP/2: a header block above the limit";
constexpr char kBroken[] = "HTTP/2: a header block that cannot be decoded";

std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

HpackInflater::HpackInflater(const HeaderNames* names, const WireLimits* limits)
    : names_(names), limit_(limits->header_block) {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) != 0) throw std::bad_alloc();
  inflater_.reset(inflater);
  const uint64_t table = std::max<uint64_t>(limits->header_table.count(), NGHTTP2_DEFAULT_HEADER_TABLE_SIZE);
  nghttp2_hd_inflate_change_table_size(inflater, table);  // cannot fail: it only raises a bound
}

void HpackInflater::Begin() {
  open_ = true;
  fields_ = 0;
  block_.bytes = kept_ = Bytes();
  fragment_.clear();
  known_block_ = nullptr;
}

const char* HpackInflater::Take(std::string_view fragment) {
  if (!open_) {
    Begin();
    known_block_ = known_blocks_.Find(fragment);
    if (known_block_ != nullptr) return nullptr;
  } else if (known_block_ != nullptr) {
    // It goes on, and so is another one that begins alike.
    if (const char* why = TakeUnknown(std::exchange(known_block_, nullptr)->fragment)) return why;
  }
  return TakeUnknown(fragment);
}

const char* HpackInflater::TakeUnknown(std::string_view fragment) {
  // What is within the limit first: whatever the cuts, the first byte that is wrong gives the reason.
  const std::string_view within = fragment.substr(0, (limit_ - block_.bytes).count());
  block_.bytes += Bytes(within.size());
  fragment_.append(within.substr(0, KnownBlocks::kMaxFragmentBytes + 1 - fragment_.size()));
  if (const char* why = Inflate(within, false)) return why;
  return within.size() < fragment.size() ? kTooLong : nullptr;
}

const char* HpackInflater::Finish() {
  if (!open_) Begin();
  open_ = false;
  if (known_block_ != nullptr) return nullptr;
  if (const char* why = Inflate({}, true)) return why;
  block_.fields.resize(fields_);
  known_blocks_.Learn(fragment_, block_);
  return nullptr;
}

const char* HpackInflater::Inflate(std::string_view bytes, bool final) {
  const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, in, left, final);
    if (taken < 0) return kBroken;
    in += taken;
    left -= static_cast<size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 && !Insert(field)) return kTooLong;
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(inflater_.get());
      return nullptr;
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) return nullptr;
  }
}

/// False: the kept fields are above the limit.
bool HpackInflater::Insert(const nghttp2_nv& field) {
  const std::string_view name = View(field.name, field.namelen);
  if (!names_->Contains(name)) return true;
  const std::string_view value = View(field.value, field.valuelen);
  kept_ += Bytes(name.size() + value.size() + 32);
  if (kept_ > limit_) return false;
  // Written over the last block's, so that most calls allocate nothing here.
  if (fields_ == block_.fields.size()) block_.fields.emplace_back();
  block_.fields[fields_].first.assign(name);
  block_.fields[fields_].second.assign(value);
  ++fields_;
  return true;
}

}  // namespace fedcarbon::node
