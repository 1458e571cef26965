// HPACK (RFC 7541): the header blocks that one side sends, in order.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "node/wire/known_blocks.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

/// nghttp2's inflater with bounds. Every block of a direction has to pass through it, wanted or not, since
/// later ones refer to it; only a block whose very bytes are known to change nothing is spared that. Values
/// are not looked at: whatever bytes they hold, they pass.
///
/// The table may grow to WireLimits.header_table (4,096 bytes are always allowed, RFC 9113): which size the
/// peers agreed on does not matter, because the one in use is announced inside the blocks. nghttp2 bounds a
/// name or value at 64 KiB. Not thread-safe; `names` and `limits` must outlive it.
class HpackInflater {
 public:
  HpackInflater(const HeaderNames* names, const WireLimits* limits);

  /// The next bytes of a block, cut anywhere. Returns null, or why nothing that this side sends can be read
  /// from here on: a literal, as for OnGap. A block's length, and the fields kept of it (32 bytes more each,
  /// as RFC 9113 counts them), are bounded by WireLimits.header_block.
  const char* Take(std::string_view fragment);

  /// The block is complete: block() has it until the next Take(). Returns as Take().
  const char* Finish();

  const HeaderBlock& block() const { return known_block_ != nullptr ? known_block_->block : block_; }

 private:
  struct Deleter {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
  };

  void Begin();
  const char* TakeUnknown(std::string_view fragment);
  const char* Inflate(std::string_view bytes, bool final);
  bool Insert(const nghttp2_nv& field);

  const HeaderNames* const names_;
  const Bytes limit_;
  std::unique_ptr<nghttp2_hd_inflater, Deleter> inflater_;
  HeaderBlock block_;
  bool open_ = false;  // a block has begun
  size_t fields_ = 0;  // of block_.fields that are of this block
  Bytes kept_;         // the size of these

  KnownBlocks known_blocks_;
  const KnownBlocks::Known* known_block_ = nullptr;  // what has come of the block, not inflated
  std::string fragment_;                             // otherwise, of its bytes as many as Learn() wants
};

}  // namespace fedcarbon::node
