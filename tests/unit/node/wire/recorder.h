// Writes down what a decoder tells, and stops the program when that contradicts itself: for tests and
// fuzzing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "node/wire/wire.h"

namespace fedcarbon::node::testing {

inline constexpr End kClient = End::kClient;
inline constexpr End kServer = End::kServer;

inline void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "A decoder broke its promise: %s\n", what);
  std::abort();
}

struct Message {
  uint64_t encoded = 0;
  std::optional<uint64_t> message;
  bool whole = false;

  friend bool operator==(const Message& a, const Message& b) {
    return std::tie(a.encoded, a.message, a.whole) == std::tie(b.encoded, b.message, b.whole);
  }
};

inline const Message kEmptyBody{0, 0, true};

struct Block {
  End from;
  uint64_t bytes;
  std::vector<std::pair<std::string, std::string>> fields;

  friend bool operator==(const Block& a, const Block& b) {
    return std::tie(a.from, a.bytes, a.fields) == std::tie(b.from, b.bytes, b.fields);
  }
};

struct Call {
  std::vector<Block> blocks;  // the request first
  std::array<std::vector<Message>, 2> messages;
  std::array<std::string, 2> contents;  // of all messages, where they are shown
  std::optional<int> status;            // of the end
  bool gone = false;                    // its listener was destroyed

  const std::vector<Message>& sent(End end) const { return messages[static_cast<size_t>(end)]; }

  friend bool operator==(const Call& a, const Call& b) {
    return std::tie(a.blocks, a.messages, a.contents, a.status, a.gone) ==
           std::tie(b.blocks, b.messages, b.contents, b.status, b.gone);
  }
};

/// Owns the calls; they stay where they are.
class Recorder : public ConnectionListener {
 public:
  void OnProtocol(Protocol protocol) override { protocols.push_back(protocol); }

  std::unique_ptr<CallListener> OnCall(const HeaderBlock& request) override {
    Require(!lost, "a call after the connection's gap");
    if (deaf) return nullptr;
    std::unique_ptr<CallListener> call = NewCall();
    calls.back()->blocks.push_back({End::kClient, request.bytes.count(), request.fields});
    return call;
  }

  void OnGap(const char* why, bool whole_connection) override {
    Require(!lost, "a gap after the connection's gap");
    lost = whole_connection;
    gaps.emplace_back(why);
  }

  /// One that began elsewhere.
  std::unique_ptr<CallListener> NewCall() {
    calls.push_back(std::make_unique<Call>());
    return std::make_unique<Listener>(this, calls.back().get());
  }

  std::vector<std::unique_ptr<Call>> calls;
  std::vector<Protocol> protocols;
  std::vector<std::string> gaps;
  bool lost = false;
  bool deaf = false;  // listens to no further call
  size_t pieces = 0;

 private:
  class Listener : public CallListener {
   public:
    Listener(Recorder* recorder, Call* call) : recorder_(recorder), call_(call) {}
    ~Listener() override { call_->gone = true; }

    void OnHeaders(End from, const HeaderBlock& block) override {
      Live();
      call_->blocks.push_back({from, block.bytes.count(), block.fields});
    }

    void OnContent(End from, std::string_view bytes) override {
      Live();
      call_->contents[static_cast<size_t>(from)] += bytes;
      shown_[static_cast<size_t>(from)] += bytes.size();
    }

    void OnMessage(End from, const MessagePiece& piece) override {
      Live();
      const uint64_t shown = std::exchange(shown_[static_cast<size_t>(from)], 0);
      Require(shown == 0 || shown == piece.message.value_or(Bytes(0)).count(), "some of a message is shown");
      ++recorder_->pieces;
      std::vector<Message>& messages = call_->messages[static_cast<size_t>(from)];
      Require(piece.begins == (messages.empty() || messages.back().whole), "a message begins out of order");
      if (piece.begins) messages.push_back({0, piece.message.has_value() ? std::optional(0) : std::nullopt});
      Message& message = messages.back();
      Require(piece.message.has_value() == message.message.has_value(), "a message half compressed");
      message.encoded += piece.encoded.count();
      if (piece.message.has_value()) {
        Require(*piece.message <= piece.encoded, "more bytes inside than outside");
        *message.message += piece.message->count();
      }
      message.whole = piece.ends;
    }

    void OnEnd(int status) override {
      Live();
      Require(status >= 0 && status <= 16, "no status of gRPC");
      call_->status = status;
    }

   private:
    void Live() const {
      Require(!recorder_->lost, "something of a call after the connection's gap");
      Require(!call_->status.has_value(), "something of a call after its end");
    }

    Recorder* const recorder_;
    Call* const call_;
    std::array<uint64_t, 2> shown_{};  // by OnContent, not told of yet
  };
};

/// Hands each end's bytes on in their order, in pieces as long as `next_size` says.
template <typename NextSize, typename Feed>
void InPieces(const std::vector<std::pair<End, std::string>>& talk, NextSize next_size, Feed feed) {
  for (const auto& [end, bytes] : talk) {
    for (std::string_view left = bytes; !left.empty();) {
      const size_t size = std::min<size_t>(left.size(), next_size());
      feed(end, left.substr(0, size));
      left.remove_prefix(size);
    }
  }
}

}  // namespace fedcarbon::node::testing
