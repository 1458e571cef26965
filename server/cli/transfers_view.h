// Transfers, one line each: the communication audit.
#pragma once

#include <string>

#include "fedcarbon/v1/footprint.pb.h"
#include "server/cli/table.h"

namespace fedcarbon::cli {

/// What a transfer's line is headed by.
std::string TransferTextHeader(const Style& style);

/// Start, method, ends, round and bytes as the client and as the server counted them, then what is to be
/// known: unconfirmed, ends differ, round conflict, one end, unsigned, part or attempt.
std::string TransferText(const v1::TransferPair& pair, const Style& style);

std::string TransferCsvHeader();
std::string TransferCsv(const v1::TransferPair& pair);

}  // namespace fedcarbon::cli
