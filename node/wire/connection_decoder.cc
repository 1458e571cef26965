#include "node/wire/connection_decoder.h"

#include <algorithm>
#include <boost/beast/http/verb.hpp>
#include <optional>
#include <utility>

#include "node/wire/http1_decoder.h"
#include "node/wire/http2_decoder.h"
#include "node/wire/websocket_decoder.h"

namespace fedcarbon::node {

namespace {

constexpr std::string_view kTlsHandshake = "\x16\x03";  // record type, and the version's first byte
constexpr std::string_view kEmptyLine = "\r\n";         // in front of a request: RFC 9112, 2.2

constexpr size_t kLongestMethod = 11;  // UNSUBSCRIBE

/// Whether `bytes` begin with `start`, or may do so once more have come.
bool Agree(std::string_view bytes, std::string_view start) {
  const size_t common = std::min(bytes.size(), start.size());
  return bytes.substr(0, common) == start.substr(0, common);
}

/// What a client speaks that began so; kUndecided: more is needed, at most HTTP/2's preface.
Protocol Recognise(std::string_view bytes) {
  for (const auto& [start, protocol] :
       {std::pair(Http2Decoder::kPreface, Protocol::kHttp2), std::pair(kTlsHandshake, Protocol::kTls),
        std::pair(kEmptyLine, Protocol::kHttp1)}) {
    if (Agree(bytes, start)) return bytes.size() < start.size() ? Protocol::kUndecided : protocol;
  }
  const size_t blank = bytes.find(' ');
  if (blank == std::string_view::npos && bytes.size() <= kLongestMethod) return Protocol::kUndecided;
  const std::string_view method = bytes.substr(0, blank);
  const auto verb = boost::beast::http::string_to_verb({method.data(), method.size()});
  return verb == boost::beast::http::verb::unknown ? Protocol::kUnknown : Protocol::kHttp1;
}

}  // namespace

/// Stands between the decoders and the listener, to know of a gap.
class ConnectionDecoder::Impl : public ConnectionListener {
 public:
  Impl(ConnectionListener* listener, const HeaderNames* headers, const WireLimits* limits)
      : listener_(listener), headers_(headers), limits_(limits) {}

  void Feed(End from, std::string_view bytes) {
    if (bytes.empty()) return;
    if (protocol_ == Protocol::kUndecided) {
      Hold(from, bytes);
    } else if (decoder_ != nullptr) {
      decoder_->Feed(from, bytes);
      FollowUp();
    } else if (protocol_ != Protocol::kTls) {
      undecoded_ += Bytes(bytes.size());
    }
  }

  void Finish(End from) {
    (from == End::kClient ? client_finished_ : server_finished_) = true;
    if (decoder_ != nullptr) {
      decoder_->Finish(from);
      FollowUp();
    } else if (protocol_ == Protocol::kUndecided && from == End::kClient) {
      // It will not say more. Nothing said at all is nothing lost.
      if (!from_client_.empty() || !from_server_.empty()) Begin(Protocol::kUnknown);
    }
  }

  uint64_t steps() const { return steps_before_ + (decoder_ != nullptr ? decoder_->steps() : 0); }
  Protocol protocol() const { return protocol_; }
  Bytes undecoded_bytes() const { return undecoded_; }

  void OnProtocol(Protocol protocol) override { listener_->OnProtocol(protocol); }

  std::unique_ptr<CallListener> OnCall(const HeaderBlock& request) override {
    return listener_->OnCall(request);
  }

  void OnGap(const char* why, bool whole_connection) override {
    if (whole_connection) lost_ = true;
    listener_->OnGap(why, whole_connection);
  }

 private:
  /// Until the client's first bytes tell what is spoken.
  void Hold(End from, std::string_view bytes) {
    if (from == End::kServer) {
      if (!client_finished_ && from_server_.size() + bytes.size() <= kHeldBytes) {
        from_server_.append(bytes);
        return;
      }
      Begin(Protocol::kUnknown);
    } else {
      // Byte by byte: what the server said before is heard at the same byte, however the client's are cut.
      Protocol protocol = Protocol::kUndecided;
      while (protocol == Protocol::kUndecided && !bytes.empty()) {
        from_client_ += bytes.front();
        bytes.remove_prefix(1);
        protocol = Recognise(from_client_);
      }
      if (protocol == Protocol::kUndecided) return;
      Begin(protocol);
    }
    Feed(from, bytes);
  }

  /// What is held, and all that follows, is `protocol`. `call`: of the request that asked for it, if any did.
  void Begin(Protocol protocol, std::unique_ptr<CallListener> call = nullptr) {
    protocol_ = protocol;
    listener_->OnProtocol(protocol);
    EndDecoder();
    decoder_ = Make(protocol, std::move(call));
    if (protocol == Protocol::kUnknown)
      listener_->OnGap("protocol not recognised", /*whole_connection=*/true);
    const std::string from_client = std::exchange(from_client_, {});
    const std::string from_server = std::exchange(from_server_, {});
    if (decoder_ != nullptr) {
      decoder_->Feed(End::kClient, from_client);
      decoder_->Feed(End::kServer, from_server);
      if (client_finished_) decoder_->Finish(End::kClient);
      if (server_finished_) decoder_->Finish(End::kServer);
      FollowUp();
    } else if (protocol != Protocol::kTls) {
      undecoded_ += Bytes(from_client.size() + from_server.size());
    }
  }

  std::unique_ptr<Decoder> Make(Protocol protocol, std::unique_ptr<CallListener> call) {
    switch (protocol) {
      case Protocol::kHttp2:
        return std::make_unique<Http2Decoder>(this, headers_, limits_, std::move(call));
      case Protocol::kHttp1:
        return std::make_unique<Http1Decoder>(this, headers_, limits_);
      case Protocol::kWebSocket:
        return std::make_unique<WebSocketDecoder>(this, std::move(call));
      case Protocol::kUndecided:
      case Protocol::kTls:
      case Protocol::kUnknown:
        break;
    }
    return nullptr;
  }

  void EndDecoder() {
    steps_before_ = steps();
    decoder_ = nullptr;
  }

  /// After the decoder has run: it may have lost its way, or come to an upgrade.
  void FollowUp() {
    if (lost_) EndDecoder();
    if (decoder_ == nullptr || protocol_ != Protocol::kHttp1) return;
    std::optional<Http1Decoder::Upgrade> upgrade = static_cast<Http1Decoder&>(*decoder_).TakeUpgrade();
    if (!upgrade.has_value()) return;
    from_client_ = std::move(upgrade->from_client);
    from_server_ = std::move(upgrade->from_server);
    Begin(upgrade->protocol, std::move(upgrade->call));
  }

  ConnectionListener* const listener_;
  const HeaderNames* const headers_;
  const WireLimits* const limits_;
  Protocol protocol_ = Protocol::kUndecided;
  std::unique_ptr<Decoder> decoder_;  // null: undecided, or not decoded
  std::string from_client_;           // held until the decoder is there
  std::string from_server_;
  bool client_finished_ = false;
  bool server_finished_ = false;
  bool lost_ = false;
  Bytes undecoded_;
  uint64_t steps_before_ = 0;  // of decoders that have ended
};

ConnectionDecoder::ConnectionDecoder(ConnectionListener* listener, const HeaderNames* headers,
                                     const WireLimits* limits)
    : impl_(std::make_unique<Impl>(listener, headers, limits)) {}

ConnectionDecoder::~ConnectionDecoder() = default;

void ConnectionDecoder::Feed(End from, std::string_view bytes) { impl_->Feed(from, bytes); }
void ConnectionDecoder::Finish(End from) { impl_->Finish(from); }
uint64_t ConnectionDecoder::steps() const { return impl_->steps(); }
Protocol ConnectionDecoder::protocol() const { return impl_->protocol(); }
Bytes ConnectionDecoder::undecoded_bytes() const { return impl_->undecoded_bytes(); }

}  // namespace fedcarbon::node
