#include "node/frameworks/flower/config_record.h"

#include <utility>

namespace fedcarbon::node::flower {
namespace {

constexpr std::string_view kName = "ConfigRecord ";

enum : size_t { kItem, kKey, kNumber };  // places in the table

}  // namespace

// items[] {1 key, 2 value {2 sint64}}.
const std::vector<FieldPath> ConfigRecordReader::kTable = {{1}, {1, 1}, {1, 2, 2}};

void ConfigRecordReader::Begin(std::string_view first) {
  const size_t end = first.find('\0');
  is_config_ = first.substr(0, kName.size()) == kName && end != std::string_view::npos;
  if (is_config_) fields_.Feed(first.substr(end + 1));
}

void ConfigRecordReader::Feed(std::string_view bytes) {
  if (is_config_) fields_.Feed(bytes);
}

std::optional<uint64_t> ConfigRecordReader::Finish() {
  const bool is_whole = fields_.Finish() && std::exchange(is_config_, false);
  const std::optional<uint64_t> round = std::exchange(setting_, {}).round();
  return is_whole ? round : std::nullopt;
}

void ConfigRecordReader::OnNumber(size_t field, uint64_t value) {
  if (field == kNumber) setting_.Number(value);
}

void ConfigRecordReader::OnBytes(size_t field, std::string_view first, uint64_t) {
  if (field != kNumber) setting_.Expect(field == kKey && first == kRoundName);
}

}  // namespace fedcarbon::node::flower
