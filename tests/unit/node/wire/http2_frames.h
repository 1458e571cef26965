// HTTP/2 as bytes, made by hand: headers by nghttp2's deflater, everything else as the test wants it.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fedcarbon::node::testing {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

constexpr uint8_t kEndStream = NGHTTP2_FLAG_END_STREAM;
constexpr uint8_t kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
constexpr uint8_t kPadded = NGHTTP2_FLAG_PADDED;
constexpr uint8_t kPriority = NGHTTP2_FLAG_PRIORITY;

/// Big-endian.
inline std::string Number(uint64_t value, int bytes) {
  std::string text;
  while (bytes > 0) text += static_cast<char>(value >> 8 * --bytes);
  return text;
}

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  return Number(payload.size(), 3) + Number(type, 1) + Number(flags, 1) + Number(stream, 4) +
         std::string(payload);
}

inline std::string Settings(std::string_view payload = "") { return Frame(NGHTTP2_SETTINGS, 0, 0, payload); }
inline std::string Data(uint32_t stream, std::string_view payload, uint8_t flags = 0) {
  return Frame(NGHTTP2_DATA, flags, stream, payload);
}
inline std::string Headers(uint32_t stream, std::string_view fragment, uint8_t flags = kEndHeaders) {
  return Frame(NGHTTP2_HEADERS, flags, stream, fragment);
}
inline std::string Continuation(uint32_t stream, std::string_view fragment, uint8_t flags = kEndHeaders) {
  return Frame(NGHTTP2_CONTINUATION, flags, stream, fragment);
}
inline std::string RstStream(uint32_t stream, uint32_t code) {
  return Frame(NGHTTP2_RST_STREAM, 0, stream, Number(code, 4));
}

inline std::string GrpcMessage(std::string_view message, uint8_t flag = 0) {
  return Number(flag, 1) + Number(message.size(), 4) + std::string(message);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

/// HPACK of one direction.
class Encoder {
 public:
  explicit Encoder(size_t table = 4'096) {
    nghttp2_hd_deflater* deflater = nullptr;
    nghttp2_hd_deflate_new(&deflater, table);
    deflater_.reset(deflater);
  }

  /// The next block announces it.
  void ResizeTable(size_t size) { nghttp2_hd_deflate_change_table_size(deflater_.get(), size); }

  std::string Encode(const Fields& fields) {
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : fields) {
      list.push_back({Bytes(name), Bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    std::string block(nghttp2_hd_deflate_bound(deflater_.get(), list.data(), list.size()), '\0');
    const ssize_t size =
        nghttp2_hd_deflate_hd(deflater_.get(), Bytes(block), block.size(), list.data(), list.size());
    block.resize(static_cast<size_t>(size));
    return block;
  }

 private:
  struct Deleter {
    void operator()(nghttp2_hd_deflater* deflater) const { nghttp2_hd_deflate_del(deflater); }
  };

  static uint8_t* Bytes(const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  }

  std::unique_ptr<nghttp2_hd_deflater, Deleter> deflater_;
};

}  // namespace fedcarbon::node::testing
