// Header blocks that follow each other, cut anywhere: the same fields as byte by byte, and within the limits.
#include <cstdint>
#include <string_view>

#include "node/wire/hpack_inflater.h"
#include "tests/unit/node/wire/recorder.h"

using fedcarbon::Bytes;
using fedcarbon::node::HeaderNames;
using fedcarbon::node::HpackInflater;
using fedcarbon::node::WireLimits;
using fedcarbon::node::testing::Require;

namespace {

const char* TakeByteByByte(std::string_view fragment, HpackInflater* inflater) {
  for (size_t i = 0; i < fragment.size(); ++i) {
    if (const char* why = inflater->Take(fragment.substr(i, 1))) return why;
  }
  return nullptr;
}

}  // namespace

/// Fragments: a byte of length, its highest bit set where the fragment ends its block.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  WireLimits limits;
  limits.header_block = Bytes(2'000);
  limits.header_table = Bytes(8'192);
  HpackInflater inflater(&HeaderNames::Standard(), &limits);
  HpackInflater by_bytes(&HeaderNames::Standard(), &limits);
  std::string_view left(reinterpret_cast<const char*>(data), size);
  while (!left.empty()) {
    const auto head = static_cast<uint8_t>(left.front());
    left.remove_prefix(1);
    const std::string_view fragment = left.substr(0, head & 0x7f);
    left.remove_prefix(fragment.size());
    const char* const why = inflater.Take(fragment);
    Require(why == TakeByteByByte(fragment, &by_bytes), "the same violation");
    if (why != nullptr) return 0;
    if ((head & 0x80) == 0) continue;
    const char* const ended = inflater.Finish();
    Require(ended == by_bytes.Finish(), "the same violation");
    if (ended != nullptr) return 0;
    Require(inflater.block().fields == by_bytes.block().fields, "the same fields");
    Require(inflater.block().bytes == by_bytes.block().bytes, "the same size");
    size_t kept = 0;
    for (const auto& [name, value] : inflater.block().fields) {
      Require(HeaderNames::Standard().Contains(name), "no field that nobody wants");
      kept += name.size() + value.size() + 32;
    }
    Require(kept <= limits.header_block.count(), "fields within the limit");
    Require(inflater.block().bytes <= limits.header_block, "a block within the limit");
  }
  return 0;
}
