// The object of Flower's that names the round.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "node/frameworks/flower/round_setting.h"
#include "node/frameworks/protobuf_fields.h"

namespace fedcarbon::node::flower {

/// Reads an object as it passes: if it begins like `ConfigRecord  20` and 0, a record follows in which the
/// key "server-round" may have a number. Whoever wrote the strategy may have put anything else into it,
/// before and behind.
class ConfigRecordReader : private FieldListener {
 public:
  ConfigRecordReader() = default;
  ConfigRecordReader(const ConfigRecordReader&) = delete;
  ConfigRecordReader& operator=(const ConfigRecordReader&) = delete;

  /// `first`: the object's first bytes, its name and the 0 among them.
  void Begin(std::string_view first);
  void Feed(std::string_view bytes);

  /// The object is over: the round. Nothing: it names none, or is something else. Ready for the next.
  std::optional<uint64_t> Finish();

 private:
  void OnNumber(size_t field, uint64_t value) override;
  void OnBytes(size_t field, std::string_view first, uint64_t length) override;
  void OnRest(size_t, std::string_view) override {}

  static const std::vector<FieldPath> kTable;

  bool is_config_ = false;
  RoundSetting setting_;
  ProtobufFields fields_{&kTable, this};
};

}  // namespace fedcarbon::node::flower
