// Totals as text, to say what differs.
#pragma once

#include <string>
#include <vector>

#include "server/store/accumulated_totals.h"

namespace fedcarbon::server {

/// One line for each row that is in one of them alone: "was: …" or "is: …". None: equal.
std::vector<std::string> Differences(const AccumulatedTotals& was, const AccumulatedTotals& is);

}  // namespace fedcarbon::server
