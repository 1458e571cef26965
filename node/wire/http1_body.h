// Where the body of an HTTP/1.1 message ends.
#pragma once

#include <cstdint>
#include <string_view>

namespace fedcarbon::node {

/// Follows one body through its framing: a length, chunks, or the end of the connection. Keeps no byte of it.
///
/// Chunk sizes are hexadecimal, below 2^64; blanks after a size and any extension are skipped. Whatever else
/// is not RFC 9112's grammar breaks it.
class Http1Body {
 public:
  enum class State {
    kOpen,
    kTrailers,  // the last chunk is over: a header section follows, at least its empty line
    kEnded,
    kBroken,
  };

  static Http1Body Length(uint64_t length) { return {length > 0 ? Step::kLength : Step::kEnded, length}; }
  static Http1Body Chunked() { return {Step::kSize, 0}; }
  static Http1Body UntilClose() { return {Step::kUntilClose, 0}; }

  State state() const;
  bool until_close() const { return step_ == Step::kUntilClose; }

  /// Takes from the front of `bytes` what belongs to the body, up to the end of a stretch of content (bytes
  /// without chunk framing), and returns that stretch. Empty: nothing is left, or the body is over.
  std::string_view Take(std::string_view* bytes);

 private:
  enum class Step : uint8_t {
    kLength,
    kUntilClose,
    kSize,       // the chunk size's first digit is due
    kSizeMore,   // a further digit, or what ends them
    kBlank,      // after the size
    kExtension,  // up to the line's end
    kSizeEnd,    // its LF
    kData,
    kDataEnd,   // the CR after a chunk
    kDataEnd2,  // and its LF
    kTrailers,
    kEnded,
    kBroken,
  };

  Http1Body(Step step, uint64_t remaining) : step_(step), remaining_(remaining) {}

  /// The step after `c`, a byte of the framing.
  Step Next(char c);

  Step step_;
  uint64_t remaining_;  // of the body, or of the chunk
};

}  // namespace fedcarbon::node
