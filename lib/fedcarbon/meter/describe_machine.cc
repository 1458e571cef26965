#include "fedcarbon/meter/describe_machine.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace fedcarbon {
namespace {

std::string CpuModel() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const auto colon = line.find(':');
    if (absl::StartsWith(line, "model name") && colon != std::string::npos) {
      return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
  }
  return "";
}

}  // namespace

v1::Node DescribeThisMachine() {
  v1::Node node;
  node.set_cpu_model(CpuModel());
  const int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t page_bytes = sysconf(_SC_PAGESIZE);
  if (cores > 0) node.set_cpu_cores(static_cast<uint32_t>(cores));
  if (pages > 0 && page_bytes > 0) node.set_memory_bytes(static_cast<uint64_t>(pages * page_bytes));
  return node;
}

}  // namespace fedcarbon
