// What a header section of HTTP/1.1 says.
#pragma once

#include <string>
#include <string_view>

#include "node/wire/http1_body.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

/// A request's or an answer's start line and fields.
struct Http1Head {
  /// Why the section is not understood: a literal. All else then means nothing.
  const char* violation = nullptr;

  HeaderBlock block;
  bool is_head = false;     // request: the method
  bool is_connect = false;  // request: the method
  int status = 0;           // answer

  /// As the fields frame it. An answer to HEAD, a 1xx, 204 and 304 have none whatever they say.
  Http1Body body = Http1Body::Length(0);

  bool compressed = false;  // content-encoding other than identity, or a transfer coding below the chunks
  std::string upgrade;      // in lower case; empty unless Connection names it
};

/// `section` is complete: up to and including its empty line. Syntax is Boost.Beast's affair, and what it
/// refuses is refused. Refused as well, since peers differ in how they read it: transfer-encoding together
/// with content-length, in HTTP/1.0, or without one `chunked` at its end.
Http1Head ParseRequest(std::string_view section, const HeaderNames& names);
Http1Head ParseAnswer(std::string_view section, const HeaderNames& names);

/// Fields alone. Only `violation` and `block` are set.
Http1Head ParseTrailers(std::string_view section, const HeaderNames& names);

}  // namespace fedcarbon::node
