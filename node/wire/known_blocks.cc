#include "node/wire/known_blocks.h"

#include <cstdint>

namespace fedcarbon::node {
namespace {

// Of the fields of a block that is kept: a short fragment may name long ones in the table.
constexpr size_t kMaxFieldBytes = 1'024;

/// Removes an integer with a prefix of `bits` (RFC 7541, 5.1). False: it is cut, or greater than a block.
bool TakeInteger(int bits, std::string_view* bytes, size_t* value) {
  if (bytes->empty()) return false;
  const size_t greatest = (size_t{1} << bits) - 1;
  *value = static_cast<uint8_t>(bytes->front()) & greatest;
  bytes->remove_prefix(1);
  if (*value < greatest) return true;
  for (int shift = 0; !bytes->empty() && shift < 21; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    *value += size_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool SkipString(std::string_view* bytes) {
  size_t size = 0;
  if (!TakeInteger(7, bytes, &size) || size > bytes->size()) return false;
  bytes->remove_prefix(size);
  return true;
}

/// Whether it has only indexed fields and literals without indexing (RFC 7541, 6).
bool LeavesTable(std::string_view fragment) {
  size_t index = 0;
  while (!fragment.empty()) {
    const auto first = static_cast<uint8_t>(fragment.front());
    if (first >= 0x80) {
      if (!TakeInteger(7, &fragment, &index)) return false;
    } else if (first >= 0x20) {
      return false;  // a literal that is added to the table, or a new size of it
    } else {
      if (!TakeInteger(4, &fragment, &index)) return false;
      if (index == 0 && !SkipString(&fragment)) return false;
      if (!SkipString(&fragment)) return false;
    }
  }
  return true;
}

size_t FieldBytes(const HeaderBlock& block) {
  size_t bytes = 0;
  for (const auto& [name, value] : block.fields) bytes += name.size() + value.size();
  return bytes;
}

}  // namespace

const KnownBlocks::Known* KnownBlocks::Find(std::string_view fragment) const {
  for (const Known& known : known_) {
    if (known.fragment == fragment && !fragment.empty()) return &known;
  }
  return nullptr;
}

void KnownBlocks::Learn(std::string_view fragment, const HeaderBlock& block) {
  if (fragment.size() > kMaxFragmentBytes || !LeavesTable(fragment)) {
    for (Known& known : known_) known.fragment.clear();
    return;
  }
  if (FieldBytes(block) > kMaxFieldBytes) return;
  known_[next_].fragment = fragment;
  known_[next_].block = block;
  next_ = (next_ + 1) % known_.size();
}

}  // namespace fedcarbon::node
