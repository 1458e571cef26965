// Files that people name, read whole.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace fedcarbon {

/// The bytes of a file. A file that cannot be read fails as the system says it: NOT_FOUND, PERMISSION_DENIED,
/// and so on; one of more than `max_bytes` with INVALID_ARGUMENT, and no more of it is read. The message
/// names the file. Thread-safe.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

/// The same; "-" is standard input.
absl::StatusOr<std::string> ReadFileOrStandardInput(const std::string& path, size_t max_bytes);

}  // namespace fedcarbon
