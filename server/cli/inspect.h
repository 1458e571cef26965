// A sealed batch as text: all that leaves a node, for whoever has to know.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/cli/table.h"

namespace fedcarbon::cli {

/// Who sealed the batch and when, whether it is signed, and every fact in it, in protobuf's text format with
/// names in the place of their indexes. INVALID_ARGUMENT where `sealed` is no sealed batch.
absl::StatusOr<std::string> InspectText(std::string_view sealed, const Style& style);

}  // namespace fedcarbon::cli
