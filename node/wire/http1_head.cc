#include "node/wire/http1_head.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <limits>

namespace fedcarbon::node {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string LowerCase(BeastView text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// Reads one complete section; Beast never sees a body.
template <bool kRequest>
class HeadParser : public http::basic_parser<kRequest> {
 public:
  HeadParser(const HeaderNames& names, Http1Head* head) : names_(names), head_(head) {
    this->header_limit(std::numeric_limits<uint32_t>::max());  // Http1Section has bounded it
    this->body_limit(boost::none);
  }

  void Parse(std::string_view section) {
    error_code error;
    const size_t taken = this->put(boost::asio::const_buffer(section.data(), section.size()), error);
    if (error || taken != section.size() || !this->is_header_done()) {
      head_->violation = "a malformed HTTP/1.1 header section";
      return;
    }
    head_->block.bytes = Bytes(section.size());
    if (transfer_encoding_ && (this->content_length() || http_1_0_)) {
      head_->violation = "transfer-encoding with content-length or in HTTP/1.0";
      return;
    }
    if (transfer_encoding_ && !this->chunked()) {
      head_->violation = "a transfer-encoding that does not end in chunked";
      return;
    }
    if (this->chunked()) {
      head_->body = Http1Body::Chunked();
    } else if (const auto length = this->content_length()) {
      head_->body = Http1Body::Length(*length);
    } else if (!kRequest) {
      head_->body = Http1Body::UntilClose();
    }
    if (!this->upgrade()) head_->upgrade.clear();
  }

 private:
  void AddField(std::string_view name, BeastView value) {
    if (names_.Contains(name)) head_->block.fields.emplace_back(name, std::string(value));
  }

  void on_request_impl(http::verb verb, BeastView method, BeastView target, int version,
                       error_code&) override {
    head_->is_head = verb == http::verb::head;
    head_->is_connect = verb == http::verb::connect;
    http_1_0_ = version < 11;
    AddField(":method", method);
    AddField(":path", target);
  }

  void on_response_impl(int status, BeastView, int version, error_code&) override {
    head_->status = status;
    http_1_0_ = version < 11;
    AddField(":status", std::to_string(status));
  }

  void on_field_impl(http::field field, BeastView name, BeastView value, error_code&) override {
    if (field == http::field::content_encoding && !value.empty()) {
      head_->compressed |= LowerCase(value) != "identity";
    } else if (field == http::field::transfer_encoding) {
      transfer_encoding_ = true;
      head_->compressed |= LowerCase(value) != "chunked";
    } else if (field == http::field::upgrade) {
      head_->upgrade = LowerCase(value);
    }
    AddField(LowerCase(name), value);
  }

  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(BeastView, error_code&) override { return 0; }
  void on_chunk_header_impl(uint64_t, BeastView, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, BeastView, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  const HeaderNames& names_;
  Http1Head* const head_;
  bool http_1_0_ = false;
  bool transfer_encoding_ = false;
};

}  // namespace

Http1Head ParseRequest(std::string_view section, const HeaderNames& names) {
  Http1Head head;
  HeadParser<true>(names, &head).Parse(section);
  return head;
}

Http1Head ParseAnswer(std::string_view section, const HeaderNames& names) {
  Http1Head head;
  HeadParser<false>(names, &head).Parse(section);
  return head;
}

Http1Head ParseTrailers(std::string_view section, const HeaderNames& names) {
  // Beast has no entry for fields alone.
  Http1Head head;
  HeadParser<true>(names, &head).Parse(std::string("GET / HTTP/1.1\r\n").append(section));
  head.block.bytes = Bytes(section.size());
  auto& fields = head.block.fields;
  fields.erase(
      std::remove_if(fields.begin(), fields.end(), [](const auto& field) { return field.first[0] == ':'; }),
      fields.end());
  return head;
}

}  // namespace fedcarbon::node
