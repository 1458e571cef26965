#include "server/query/transport_shares.h"

#include <algorithm>
#include <cstdint>

namespace fedcarbon::server {

void TransportShares::Add(uint32_t edge, bool by_sender, Hour hour, const TransportTotals& totals) {
  totals_[{edge, by_sender, hour}] += totals;
}

std::optional<Bytes> TransportShares::Share(uint32_t edge, bool by_sender, Hour hour, Bytes encoded) const {
  const auto found = totals_.find({edge, by_sender, hour});
  if (found == totals_.end() || found->second.transport == Bytes(0)) return std::nullopt;
  const TransportTotals& all = found->second;
  if (all.transport <= all.encoded || all.encoded == Bytes(0)) return encoded;
  const auto share =
      static_cast<unsigned __int128>(encoded.count()) * all.transport.count() / all.encoded.count();
  return Bytes(static_cast<uint64_t>(std::min<unsigned __int128>(share, UINT64_MAX)));
}

bool TransportShares::SharesAs(const TransportShares& other, uint32_t edge, bool by_sender, Hour hour) const {
  const auto mine = totals_.find({edge, by_sender, hour});
  const auto its = other.totals_.find({edge, by_sender, hour});
  if (mine == totals_.end() || its == other.totals_.end()) {
    return (mine == totals_.end()) == (its == other.totals_.end());
  }
  return mine->second == its->second;
}

Bytes TransportShares::Carried(uint32_t edge) const {
  Bytes by_end[2];
  for (auto row = totals_.lower_bound({edge, false, INT64_MIN});
       row != totals_.end() && std::get<0>(row->first) == edge; ++row) {
    by_end[std::get<1>(row->first)] += row->second.transport;
  }
  return std::max(by_end[0], by_end[1]);
}

}  // namespace fedcarbon::server
