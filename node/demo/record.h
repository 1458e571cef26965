// The demo's own record of what happened: small text files that its programs write while they run and
// fedcarbon-demo-summary holds against the coordinator. They are an independent count: nothing of fedcarbon
// has a part in them.
//
//   run ID                        by the aggregator
//   round N CORRECT ROWS          by the aggregator: held-out rows classified rightly
//   pooled CORRECT ROWS           by fedcarbon-demo-pooled
//   bytes NODE SENT RECEIVED      by a hospital: serialized messages of calls that ended well
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/demo/training.h"

namespace fedcarbon::demo {

struct ByteCount {
  uint64_t sent = 0;
  uint64_t received = 0;
};

struct Record {
  std::string run;
  std::map<uint64_t, Score> rounds;
  std::map<std::string, ByteCount> bytes;  // by node; the sum of the files that name it
  Score pooled;                            // no rows: unknown
};

/// Replaces the file whole, so that a process that is killed leaves the last state. An empty path: does
/// nothing.
absl::Status WriteRecord(const std::string& path, const Record& record);

/// Reads several files into one. INVALID_ARGUMENT names file and line.
absl::StatusOr<Record> ReadRecords(const std::vector<std::string>& paths);

}  // namespace fedcarbon::demo
