// Where lib/fedcarbon/report logs: once per change of state, and never payload. Text comes formatted: fmt in
// each caller would cost seconds of its compilation.
#pragma once

#include "absl/strings/string_view.h"

/// To spdlog's default logger as it was at the first call; usable while static objects are destroyed, and in
/// threads that outlive them.
namespace fedcarbon::log {

/// That first call.
void Open();

void Info(absl::string_view text);
void Warn(absl::string_view text);

}  // namespace fedcarbon::log
