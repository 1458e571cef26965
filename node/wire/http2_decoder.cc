#include "node/wire/http2_decoder.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "node/wire/call_status.h"

namespace fedcarbon::node {
namespace {

constexpr int kCancelled = 1;

bool IsGrpc(const HeaderBlock& block) {
  constexpr std::string_view kGrpc = "application/grpc";
  const std::string_view type = block.Get("content-type");
  if (type.substr(0, kGrpc.size()) != kGrpc) return false;
  return type.size() == kGrpc.size() || type[kGrpc.size()] == '+' ||
         type[kGrpc.size()] == ';';  // not gRPC-Web
}

bool IsCoded(const HeaderBlock& block) {
  const std::string_view coding = block.Get("content-encoding");
  return !coding.empty() && coding != "identity";
}

/// 100 to 199: another answer follows.
bool IsInformational(std::string_view status) { return status.size() == 3 && status[0] == '1'; }

/// Removes the first `count` of `bytes`, or all, and returns how many.
uint32_t Skip(uint32_t count, std::string_view* bytes) {
  const size_t skipped = std::min<size_t>(count, bytes->size());
  bytes->remove_prefix(skipped);
  return static_cast<uint32_t>(skipped);
}

}  // namespace

Http2Decoder::Http2Decoder(ConnectionListener* listener, const HeaderNames* headers, const WireLimits* limits,
                           std::unique_ptr<CallListener> upgraded)
    : listener_(listener), max_streams_(limits->streams), client_(headers, limits), server_(headers, limits) {
  client_.preface_left = kPreface.size();
  if (upgraded != nullptr) {
    StreamDirectionState& request = streams_[1].direction(End::kClient);
    request.whole = request.ended = true;
    streams_[1].call = std::move(upgraded);
    last_stream_ = 1;
  }
}

/// False: that is no preface.
bool Http2Decoder::DirectionState::TakePreface(std::string_view* bytes) {
  const std::string_view expected = kPreface.substr(kPreface.size() - preface_left);
  const size_t taken = std::min(expected.size(), bytes->size());
  if (bytes->substr(0, taken) != expected.substr(0, taken)) return false;
  preface_left -= static_cast<uint8_t>(taken);
  bytes->remove_prefix(taken);
  return true;
}

/// Whether the frame's header is complete.
bool Http2Decoder::DirectionState::TakeFrameHeader(std::string_view* bytes) {
  const size_t taken = std::min(header.size() - header_bytes, bytes->size());
  std::memcpy(header.data() + header_bytes, bytes->data(), taken);
  header_bytes += static_cast<uint8_t>(taken);
  bytes->remove_prefix(taken);
  if (header_bytes < header.size()) return false;
  header_bytes = 0;
  content = uint32_t{header[0]} << 16 | uint32_t{header[1]} << 8 | header[2];
  type = header[3];
  flags = header[4];
  const uint32_t id =
      uint32_t{header[5]} << 24 | uint32_t{header[6]} << 16 | uint32_t{header[7]} << 8 | header[8];
  stream = id & 0x7fffffff;
  return true;
}

void Http2Decoder::Feed(End from, std::string_view bytes) {
  DirectionState& sender = direction(from);
  while (!bytes.empty() && !lost_) {
    if (sender.preface_left > 0) {
      if (!sender.TakePreface(&bytes)) StopDecoding("HTTP/2: no preface");
      continue;
    }
    if (sender.in_frame) {
      TakePayload(from, &bytes);
    } else if (sender.TakeFrameHeader(&bytes)) {
      BeginFrame(&sender);
    }
    if (sender.in_frame && sender.frame_complete() && !lost_) EndFrame(from);
  }
}

void Http2Decoder::Finish(End from) {
  if (from != End::kClient) return;
  client_finished_ = true;
  for (auto at = streams_.begin(); at != streams_.end();) {
    at = at->second.direction(End::kServer).ended ? EndStream(at, at->second.status) : std::next(at);
  }
}

/// Reads the frame's header, which says where its parts are.
void Http2Decoder::BeginFrame(DirectionState* sender) {
  ++steps_;
  if (!sender->began && (sender->type != NGHTTP2_SETTINGS || (sender->flags & NGHTTP2_FLAG_ACK) != 0)) {
    return StopDecoding("HTTP/2: no SETTINGS in front");
  }
  sender->began = sender->in_frame = true;
  sender->prefix = sender->padding = 0;
  sender->pad_length_due = false;
  if (sender->block_open != (sender->type == NGHTTP2_CONTINUATION) ||
      (sender->block_open && sender->stream != sender->block_stream)) {
    return StopDecoding("HTTP/2: a header block out of order");
  }
  bool may_be_padded = false;
  switch (sender->type) {
    case NGHTTP2_DATA:
      may_be_padded = true;
      break;
    case NGHTTP2_HEADERS:
      may_be_padded = true;
      sender->prefix = (sender->flags & NGHTTP2_FLAG_PRIORITY) != 0 ? 5 : 0;
      break;
    case NGHTTP2_PUSH_PROMISE:
      may_be_padded = true;
      sender->prefix = 4;
      break;
    case NGHTTP2_RST_STREAM:
      if (sender->content != 4) return StopDecoding("HTTP/2: RST_STREAM of a wrong length");
      break;
    case NGHTTP2_CONTINUATION:
      break;
    default:
      return;  // the connection's own business, or unknown
  }
  if (sender->stream == 0) return StopDecoding("HTTP/2: a frame of a stream without one");
  if (sender->type == NGHTTP2_HEADERS || sender->type == NGHTTP2_PUSH_PROMISE) {
    sender->block_open = true;
    sender->block_stream = sender->stream;
    sender->block_of_promise = sender->type == NGHTTP2_PUSH_PROMISE;
    sender->block_ends_stream = (sender->flags & NGHTTP2_FLAG_END_STREAM) != 0;
  }
  sender->pad_length_due = may_be_padded && (sender->flags & NGHTTP2_FLAG_PADDED) != 0;
  const uint32_t before_content = sender->prefix + (sender->pad_length_due ? 1 : 0);
  if (sender->content < before_content) return StopDecoding("HTTP/2: a frame shorter than its parts");
  sender->content -= before_content;
}

/// Takes from one part of the frame.
void Http2Decoder::TakePayload(End from, std::string_view* bytes) {
  DirectionState& sender = direction(from);
  if (sender.pad_length_due) {
    sender.pad_length_due = false;
    sender.padding = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    if (sender.padding > sender.content) return StopDecoding("HTTP/2: padding longer than its frame");
    sender.content -= sender.padding;
  } else if (sender.prefix > 0) {
    sender.prefix -= Skip(sender.prefix, bytes);
  } else if (sender.content > 0) {
    std::string_view part = *bytes;
    const uint32_t taken = Skip(sender.content, bytes);
    part = part.substr(0, taken);
    sender.content -= taken;
    if (sender.type == NGHTTP2_DATA) {
      TakeData(from, part);
    } else if (sender.block_open) {
      steps_ += part.size();  // each byte may be a field
      if (const char* why = sender.inflater.Take(part)) StopDecoding(why);
    }
  } else {
    sender.padding -= Skip(sender.padding, bytes);
  }
}

void Http2Decoder::EndFrame(End from) {
  DirectionState& sender = direction(from);
  sender.in_frame = false;
  if (sender.block_open) {
    if ((sender.flags & NGHTTP2_FLAG_END_HEADERS) != 0) EndBlock(from);
  } else if (sender.type == NGHTTP2_DATA) {
    if ((sender.flags & NGHTTP2_FLAG_END_STREAM) != 0) EndDirection(from, streams_.find(sender.stream));
  } else if (sender.type == NGHTTP2_RST_STREAM) {
    Reset(sender.stream);
  }
}

void Http2Decoder::TakeData(End from, std::string_view bytes) {
  const DirectionState& sender = direction(from);
  const auto at = streams_.find(sender.stream);
  if (at == streams_.end()) return;
  Stream& stream = at->second;
  StreamDirectionState& state = stream.direction(from);
  if (state.ended) return;
  if (from == End::kServer && !stream.answered) {
    listener_->OnGap("HTTP/2: a body in front of its answer", false);
    streams_.erase(at);
    return;
  }
  if (!state.grpc) {
    const bool last = sender.content == 0 && (sender.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!state.coded) stream.call->OnContent(from, bytes);
    return NotifyBody(from, Bytes(bytes.size()), last, &stream);
  }
  while (!bytes.empty()) {
    ++steps_;
    const std::string_view rest = bytes;
    const std::optional<MessagePiece> piece = state.messages.Next(&bytes);
    if (!piece.has_value()) {
      listener_->OnGap("gRPC: a message with unknown flags", false);
      streams_.erase(at);
      return;
    }
    if (piece->message.value_or(Bytes(0)) > Bytes(0)) {
      const Bytes prefix = piece->encoded - *piece->message;
      stream.call->OnContent(from, rest.substr(prefix.count(), piece->message->count()));
    }
    stream.call->OnMessage(from, *piece);
  }
}

/// Of the one message that a side has if it does not speak gRPC.
void Http2Decoder::NotifyBody(End from, Bytes bytes, bool last, Stream* stream) {
  StreamDirectionState& state = stream->direction(from);
  MessagePiece piece;
  piece.encoded = bytes;
  if (!state.coded) piece.message = bytes;
  piece.begins = !state.begun;
  piece.ends = state.whole = last;
  state.begun = true;
  stream->call->OnMessage(from, piece);
}

void Http2Decoder::EndBlock(End from) {
  DirectionState& sender = direction(from);
  sender.block_open = false;
  if (const char* why = sender.inflater.Finish()) return StopDecoding(why);
  if (sender.block_of_promise) return;
  const HeaderBlock& block = sender.inflater.block();
  const uint32_t id = sender.block_stream;
  const auto at = streams_.find(id);
  if (at == streams_.end()) {
    if (from != End::kClient || id % 2 == 0 || id <= last_stream_) return;
    last_stream_ = id;
    Open(id, block);
  } else if (!at->second.direction(from).ended) {
    if (from == End::kServer) ReadAnswer(block, &at->second);
    at->second.call->OnHeaders(from, block);
  }
  if (sender.block_ends_stream) EndDirection(from, streams_.find(id));
}

void Http2Decoder::Open(uint32_t id, const HeaderBlock& request) {
  std::unique_ptr<CallListener> call = listener_->OnCall(request);
  if (call == nullptr) return;
  Stream& stream = streams_[id];
  stream.call = std::move(call);
  stream.expects_grpc = IsGrpc(request) && request.Get(":method") != "CONNECT";
  for (StreamDirectionState& state : stream.directions) state.grpc = stream.expects_grpc;
  stream.direction(End::kClient).coded = IsCoded(request);
  if (streams_.size() > max_streams_) {
    listener_->OnGap("HTTP/2: more open streams than the limit", false);
    streams_.erase(streams_.begin());
  }
}

/// An answer, an informational one before it, or trailers.
void Http2Decoder::ReadAnswer(const HeaderBlock& block, Stream* stream) {
  const std::string_view grpc_status = block.Get("grpc-status");
  if (!stream->answered) {
    const std::string_view http_status = block.Get(":status");
    if (IsInformational(http_status)) return;
    stream->answered = true;
    StreamDirectionState& answer = stream->direction(End::kServer);
    answer.grpc = stream->expects_grpc && (IsGrpc(block) || !grpc_status.empty());
    answer.coded = IsCoded(block);
    stream->status = StatusOfHttp(http_status, stream->expects_grpc);
  }
  if (stream->expects_grpc && !grpc_status.empty()) stream->status = StatusOfGrpc(grpc_status);
}

/// `from` has sent its last of the stream, which may be none that is read.
void Http2Decoder::EndDirection(End from, Streams::iterator at) {
  if (at == streams_.end()) return;
  Stream& stream = at->second;
  StreamDirectionState& state = stream.direction(from);
  if (state.ended) return;
  state.ended = true;
  if (!state.grpc && !state.whole) NotifyBody(from, Bytes(), true, &stream);
  if (stream.direction(End::kServer).ended && (stream.direction(End::kClient).ended || client_finished_)) {
    EndStream(at, stream.status);
  }
}

/// What the server had said when it ended holds, whoever resets the rest.
void Http2Decoder::Reset(uint32_t id) {
  const auto at = streams_.find(id);
  if (at == streams_.end()) return;
  EndStream(at, at->second.direction(End::kServer).ended ? at->second.status : kCancelled);
}

/// Returns the stream after it.
Http2Decoder::Streams::iterator Http2Decoder::EndStream(Streams::iterator at, int status) {
  at->second.call->OnEnd(status);
  return streams_.erase(at);
}

void Http2Decoder::StopDecoding(const char* why) {
  lost_ = true;
  listener_->OnGap(why, true);
  streams_.clear();
}

}  // namespace fedcarbon::node
