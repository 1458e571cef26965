// What connections carried, shared over the transfers in them (README.md, "Counting").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "fedcarbon/units/units.h"
#include "server/store/totals.h"

namespace fedcarbon::server {

/// Transport bytes by edge, reporting end and hour. A value type; edges are numbered as the caller does.
///
/// Connections know no round. Their bytes of an hour belong to what travelled in them in that hour, by
/// encoded bytes: the share of a transfer is encoded x transport / encoded of all. A connection's bytes are
/// told up to 10 s after its transfers, and an hour may end between: a share is never less than what is
/// shared over.
class TransportShares {
 public:
  void Add(uint32_t edge, bool by_sender, Hour hour, const TransportTotals& totals);

  /// What `encoded` of the transfers of an hour took at the transport, rounded down; none if no connection of
  /// theirs is known.
  std::optional<Bytes> Share(uint32_t edge, bool by_sender, Hour hour, Bytes encoded) const;

  /// Whether the shares of an hour are the same by `other`.
  bool SharesAs(const TransportShares& other, uint32_t edge, bool by_sender, Hour hour) const;

  /// All that the connections of an edge carried: the larger of what its ends counted.
  Bytes Carried(uint32_t edge) const;

  friend bool operator==(const TransportShares& a, const TransportShares& b) {
    return a.totals_ == b.totals_;
  }
  friend bool operator!=(const TransportShares& a, const TransportShares& b) { return !(a == b); }

 private:
  using Key = std::tuple<uint32_t, bool, Hour>;

  std::map<Key, TransportTotals> totals_;
};

}  // namespace fedcarbon::server
