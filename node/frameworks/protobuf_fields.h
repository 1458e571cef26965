// Chosen fields of a protobuf message, read as its bytes pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fedcarbon::node {

/// Field numbers from the outside in, such as {2, 1, 5}: field 5 of field 1 of field 2. The rest is 0. Small,
/// since all paths of a table are looked at for each field.
using FieldPath = std::array<uint8_t, 8>;

/// Hears of the fields of one table, by their place in it. A repeated field is heard of each time.
class FieldListener {
 public:
  virtual ~FieldListener() = default;

  /// A varint, or the bits of a fixed64 or fixed32.
  virtual void OnNumber(size_t field, uint64_t value) = 0;

  /// Text, bytes, a message or packed numbers: `length` bytes, of which the first are shown, at most
  /// ProtobufFields::kShownBytes. Told as soon as these have passed. Of a message that other paths go into,
  /// nothing is shown: it is told as it begins.
  virtual void OnBytes(size_t field, std::string_view first, uint64_t length) = 0;

  /// What follows of such a value, as it passes.
  virtual void OnRest(size_t field, std::string_view bytes) = 0;
};

/// Walks one message through the pieces that it comes in, and goes into a field only where a path of the
/// table does: all else is skipped unread, however long or deep. Holds kShownBytes at most, and those only of
/// a value that is cut between two pieces. Trusts nothing: a length that does not fit, a group, a field 0, a
/// varint without an end breaks it, and nothing more is told.
///
/// Not thread-safe. The table and the listener must outlive it.
class ProtobufFields {
 public:
  static constexpr size_t kShownBytes = 512;

  ProtobufFields(const std::vector<FieldPath>* table, FieldListener* listener)
      : table_(table), listener_(listener) {}

  void Feed(std::string_view bytes);

  /// The message is over. Whether it was one: read whole, and cut nowhere. Ready for the next.
  bool Finish();

 private:
  enum class Step : uint8_t { kTag, kVarint, kFixed, kLength, kShown, kSkipped, kBroken };

  void TakeVarint(std::string_view* bytes);
  void BeginField(uint64_t tag);
  void BeginValue(uint64_t length);
  void TakeFixed(std::string_view* bytes);
  void TakeShown(std::string_view* bytes);
  void Pass(uint64_t count);
  void LeaveEnded();

  const std::vector<FieldPath>* const table_;
  FieldListener* const listener_;

  Step step_ = Step::kTag;
  std::array<uint32_t, std::tuple_size_v<FieldPath>> at_{};    // the fields that we are inside of
  std::array<uint64_t, std::tuple_size_v<FieldPath>> left_{};  // bytes of each that have not passed
  size_t depth_ = 0;
  size_t field_ = kNone;  // of the table, whose value comes; kNone: of no interest
  bool goes_in_ = false;  // the value is a message of which some field is in the table
  uint64_t number_ = 0;   // of the varint or fixed number under way
  uint32_t number_bits_ = 0;
  uint32_t fixed_bytes_ = 0;
  uint64_t length_ = 0;  // of the value
  uint64_t skip_ = 0;    // of the value, bytes that have not passed
  std::string shown_;    // that have passed in earlier pieces

  static constexpr size_t kNone = SIZE_MAX;
};

}  // namespace fedcarbon::node
