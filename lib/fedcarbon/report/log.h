// Where lib/fedcarbon/report logs: warnings, once per change of state, and never payload.
#pragma once

#include <spdlog/spdlog.h>

namespace fedcarbon {

/// spdlog's default logger as it was at the first call; usable while static objects are destroyed, and in
/// threads that outlive them.
inline spdlog::logger& Log() {
  static const auto* const logger = new std::shared_ptr<spdlog::logger>(spdlog::default_logger());
  return **logger;
}

}  // namespace fedcarbon
