// The demo's four files, for its tests.
#pragma once

#include <string>

namespace fedcarbon::demo {

inline constexpr const char* kHospitals[] = {"cleveland", "hungarian", "switzerland", "va_long_beach"};

inline std::string DataFile(const std::string& hospital) {
  return std::string(FEDCARBON_SOURCE_DIR "/node/demo/data/") + hospital + ".csv";
}

}  // namespace fedcarbon::demo
