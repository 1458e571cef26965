// Header blocks that came before: the calls of a connection mostly repeat the last ones' byte by byte.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "node/wire/wire.h"

namespace fedcarbon::node {

/// What the same HPACK fragment meant before, as long as no block has changed the dynamic table since: most
/// blocks do not, once a connection's fields are in it. Not thread-safe.
class KnownBlocks {
 public:
  static constexpr size_t kMaxFragmentBytes = 256;

  struct Known {
    std::string fragment;
    HeaderBlock block;
  };

  /// Null if it is not known. Valid until the next Learn().
  const Known* Find(std::string_view fragment) const;

  /// A block was inflated. One that may have changed the table makes all others unknown; another is kept, in
  /// place of the oldest. Blocks longer than kMaxFragmentBytes count among the first; of these no more than
  /// one byte more has to be given.
  void Learn(std::string_view fragment, const HeaderBlock& block);

 private:
  // A client's request and its trailers, or a server's answer and its trailers, of two methods.
  std::array<Known, 4> known_;
  size_t next_ = 0;
};

}  // namespace fedcarbon::node
