#include "fedcarbon/report/log.h"

#include <spdlog/spdlog.h>

#include <memory>

namespace fedcarbon::log {
namespace {

void Write(spdlog::level::level_enum level, absl::string_view text) {
  static const auto* const logger = new std::shared_ptr<spdlog::logger>(spdlog::default_logger());
  if (!text.empty()) (*logger)->log(level, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace

void Open() { Write(spdlog::level::off, ""); }
void Info(absl::string_view text) { Write(spdlog::level::info, text); }
void Warn(absl::string_view text) { Write(spdlog::level::warn, text); }

}  // namespace fedcarbon::log
