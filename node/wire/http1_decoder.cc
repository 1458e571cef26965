#include "node/wire/http1_decoder.h"

#include <utility>

#include "node/wire/call_status.h"

namespace fedcarbon::node {

namespace {

constexpr size_t kKnownSectionBytes = 1'024;

}  // namespace

Http1Decoder::Http1Decoder(ConnectionListener* listener, const HeaderNames* headers, const WireLimits* limits)
    : listener_(listener),
      headers_(headers),
      max_exchanges_(limits->streams),
      client_(limits->header_block),
      server_(limits->header_block) {}

void Http1Decoder::Feed(End from, std::string_view bytes) {
  DirectionState& sender = direction(from);
  while (!bytes.empty() && !done_) {
    switch (sender.part) {
      case DirectionState::Part::kHead:
        if (from == End::kClient && Undecided()) {
          if (held_.size() + bytes.size() > kHeldBytes)
            return StopDecoding("too much sent before an upgrade's answer");
          held_.append(bytes);
          return;
        }
        if (from == End::kServer && (exchanges_.empty() || exchanges_.front().answered)) {
          return StopDecoding("an answer without a request");
        }
        if (!TakeSection(from, &bytes)) break;
        from == End::kClient ? ReadRequest() : ReadAnswer(&bytes);
        if (sender.known_section.empty()) sender.head.reset();
        break;
      case DirectionState::Part::kBody:
        TakeBody(from, &bytes);
        break;
      case DirectionState::Part::kTrailers:
        if (TakeSection(from, &bytes)) ReadTrailers(from);
        break;
    }
  }
  if (!done_ && sender.content > 0) Notify(from, /*last=*/false);
}

void Http1Decoder::Finish(End from) {
  if (done_) return;
  if (from == End::kClient) {
    client_finished_ = true;
    // Answered early, and the rest of the request will never come.
    if (!exchanges_.empty() && exchanges_.back().answered) exchanges_.pop_back();
    return;
  }
  if (server_.part == DirectionState::Part::kBody && server_.body.until_close()) {
    Notify(End::kServer, /*last=*/true);
    EndMessage(End::kServer);
  }
  for (Exchange& exchange : exchanges_) {
    if (!exchange.answered) exchange.call = nullptr;
  }
}

size_t Http1Decoder::held_bytes() const {
  return client_.held_bytes() + server_.held_bytes() + held_.capacity();
}

size_t Http1Decoder::DirectionState::held_bytes() const {
  size_t bytes = section.held_bytes() + known_section.capacity();
  if (head.has_value()) {
    bytes += head->upgrade.capacity();
    for (const auto& [name, value] : head->block.fields) bytes += name.capacity() + value.capacity();
  }
  return bytes;
}

std::optional<Http1Decoder::Upgrade> Http1Decoder::TakeUpgrade() { return std::exchange(upgrade_, {}); }

/// Whether what the client sends next is still HTTP/1.1 depends on an answer that has not come.
bool Http1Decoder::Undecided() const { return !exchanges_.empty() && exchanges_.back().may_switch; }

bool Http1Decoder::TakeSection(End from, std::string_view* bytes) {
  ++steps_;
  switch (direction(from).section.Take(bytes)) {
    case Http1Section::Result::kComplete:
      return true;
    case Http1Section::Result::kBroken:
      StopDecoding("a line of an HTTP/1.1 header section that ends in LF alone or is folded");
      return false;
    case Http1Section::Result::kTooLong:
      StopDecoding("an HTTP/1.1 header section above the limit");
      return false;
    case Http1Section::Result::kIncomplete:
      break;
  }
  return false;
}

/// The complete section. Valid until the sender's next one.
const Http1Head& Http1Decoder::ReadHead(End from) {
  DirectionState& sender = direction(from);
  const std::string_view section = sender.section.section();
  if (section != sender.known_section) {
    sender.head = from == End::kClient ? ParseRequest(section, *headers_) : ParseAnswer(section, *headers_);
    sender.known_section = section.size() <= kKnownSectionBytes ? section : std::string_view();
  }
  sender.section.Clear();
  return *sender.head;
}

void Http1Decoder::ReadRequest() {
  if (client_.section.section() == "\r\n") return client_.section.Clear();  // RFC 9112, 2.2: before a request
  const Http1Head& head = ReadHead(End::kClient);
  if (head.violation != nullptr) return StopDecoding(head.violation);
  if (exchanges_.size() >= max_exchanges_) return StopDecoding("too many requests without an answer");

  Exchange& exchange = exchanges_.emplace_back();
  exchange.is_head = head.is_head;
  exchange.is_connect = head.is_connect;
  exchange.may_switch = head.is_connect || !head.upgrade.empty();
  exchange.call = listener_->OnCall(head.block);
  BeginBody(End::kClient, head, head.body);
}

void Http1Decoder::ReadAnswer(std::string_view* bytes) {
  const Http1Head& head = ReadHead(End::kServer);
  if (head.violation != nullptr) return StopDecoding(head.violation);

  Exchange& exchange = exchanges_.front();
  if (exchange.call != nullptr) exchange.call->OnHeaders(End::kServer, head.block);
  const bool tunnel = exchange.is_connect && head.status / 100 == 2;
  if (head.status == 101 || tunnel) {
    if (!exchange.may_switch || !exchange.requested)
      return StopDecoding("an upgrade that no request has offered");
    if (head.upgrade == "websocket" && !tunnel) return Switch(Protocol::kWebSocket, bytes);
    if (head.upgrade == "h2c" && !tunnel) return Switch(Protocol::kHttp2, bytes);
    return Switch(Protocol::kUnknown, bytes);
  }
  if (head.status / 100 == 1) return;  // informational: the answer is still to come

  exchange.status = StatusOfHttp(head.block.Get(":status"), /*expects_grpc=*/false);
  exchange.may_switch = false;
  if (std::exchange(exchange.is_deferred, false)) Notify(End::kClient, /*last=*/true);
  const bool no_body = exchange.is_head || head.status == 204 || head.status == 304;
  BeginBody(End::kServer, head, no_body ? Http1Body::Length(0) : head.body);
  if (!held_.empty()) Feed(End::kClient, std::exchange(held_, {}));
}

void Http1Decoder::ReadTrailers(End from) {
  DirectionState& sender = direction(from);
  if (sender.section.section() != "\r\n") {
    const Http1Head head = ParseTrailers(sender.section.section(), *headers_);
    if (head.violation != nullptr) return StopDecoding(head.violation);
    if (exchange(from).call != nullptr) exchange(from).call->OnHeaders(from, head.block);
  }
  sender.section.Clear();
  EndMessage(from);
}

void Http1Decoder::BeginBody(End from, const Http1Head& head, const Http1Body& body) {
  DirectionState& sender = direction(from);
  sender.part = DirectionState::Part::kBody;
  sender.body = body;
  sender.compressed = head.compressed;
  sender.begun = false;
  if (body.state() != Http1Body::State::kEnded) return;
  exchange(from).is_deferred = from == End::kClient && exchange(from).may_switch;
  if (!exchange(from).is_deferred) Notify(from, /*last=*/true);
  EndMessage(from);
}

void Http1Decoder::TakeBody(End from, std::string_view* bytes) {
  DirectionState& sender = direction(from);
  CallListener* const call = sender.compressed ? nullptr : exchange(from).call.get();
  for (;;) {
    const std::string_view content = sender.body.Take(bytes);
    if (content.empty()) break;
    ++steps_;
    sender.content += content.size();
    if (call != nullptr) call->OnContent(from, content);
  }
  switch (sender.body.state()) {
    case Http1Body::State::kOpen:
      return;
    case Http1Body::State::kBroken:
      if (sender.content > 0) Notify(from, /*last=*/false);
      return StopDecoding("broken chunks");
    case Http1Body::State::kTrailers:
      Notify(from, /*last=*/true);
      sender.part = DirectionState::Part::kTrailers;
      return;
    case Http1Body::State::kEnded:
      Notify(from, /*last=*/true);
      return EndMessage(from);
  }
}

void Http1Decoder::Notify(End from, bool last) {
  DirectionState& sender = direction(from);
  MessagePiece piece;
  piece.encoded = Bytes(std::exchange(sender.content, 0));
  if (!sender.compressed) piece.message = piece.encoded;
  piece.begins = !std::exchange(sender.begun, true);
  piece.ends = last;
  if (exchange(from).call != nullptr) exchange(from).call->OnMessage(from, piece);
}

void Http1Decoder::EndMessage(End from) {
  direction(from).part = DirectionState::Part::kHead;
  Exchange& ended = exchange(from);
  (from == End::kClient ? ended.requested : ended.answered) = true;
  if (!ended.answered) return;
  // Answered: it is the oldest.
  if (ended.requested && ended.call != nullptr) ended.call->OnEnd(ended.status);
  if (ended.requested || client_finished_) exchanges_.pop_front();
}

void Http1Decoder::Switch(Protocol protocol, std::string_view* bytes) {
  Exchange& exchange = exchanges_.front();
  // A WebSocket's or a tunnel's messages are those to come; over HTTP/2 the exchange goes on.
  if (protocol == Protocol::kHttp2 && exchange.is_deferred) Notify(End::kClient, /*last=*/true);
  upgrade_ = Upgrade{protocol, std::move(exchange.call), std::move(held_), std::string(*bytes)};
  exchanges_.clear();
  done_ = true;
}

void Http1Decoder::StopDecoding(const char* why) {
  exchanges_.clear();
  std::string().swap(held_);
  done_ = true;
  listener_->OnGap(why, /*whole_connection=*/true);
}

}  // namespace fedcarbon::node
