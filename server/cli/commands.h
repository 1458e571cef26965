// What the subcommands of `fedcarbon` do. Each prints its answer on stdout and returns OK, or an error for
// main to print.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "fedcarbon/carbon/impact.h"
#include "server/cli/client.h"
#include "server/cli/table.h"

namespace fedcarbon::cli {

enum class Format { kTable, kJson, kCsv };

struct FootprintOptions {
  std::string run;
  std::optional<uint64_t> round;
  std::string node;
  v1::Method method;
  Format format = Format::kTable;
};

absl::Status Footprint(Client* client, const FootprintOptions& options, const Style& style);

absl::Status Transfers(Client* client, const v1::ListTransfersRequest& request, Format format,
                       const Style& style);

/// Until the run ended, or SIGINT. On a terminal it redraws in place.
absl::Status Watch(Client* client, const v1::WatchRunRequest& request, const Style& style);

/// The run fills the line of the ML models.
absl::Status PrintImpact(Client* client, const std::string& run, const v1::Method& method, ImpactInput input);

/// `path`: a file, or "-" for stdin.
absl::Status Inspect(const std::string& path, const Style& style);

}  // namespace fedcarbon::cli
