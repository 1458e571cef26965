// What a framework's traffic tells of run, round, node and compute, found in the messages as they pass.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fedcarbon/meter/call_observer.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Reads one call and books it. Never fails: what it does not understand it leaves *unattributed*. Belongs to
/// the thread of its connection. Destroyed without OnEnd: the call was cut, or cannot be read any more.
class CallRule {
 public:
  virtual ~CallRule() = default;

  /// A message's bytes, in order, in the pieces that they come in.
  virtual void OnContent(End from, std::string_view bytes) = 0;

  /// A message begins: its first bytes have been shown, and none has been counted.
  virtual void OnMessageBegin(End /*from*/) {}

  /// A message has passed whole. A message without content is one too.
  virtual void OnMessageEnd(End from) = 0;

  /// A message has passed that cannot be read. Nothing follows.
  virtual void OnHidden() {}

  /// The call is over, with a gRPC status code.
  virtual void OnEnd(int status) = 0;
};

/// One framework: what its calls have in common. Thread-safe: calls of one node come over many connections.
class Framework {
 public:
  virtual ~Framework() = default;

  /// The node that makes this call, by a name that lasts; empty: it does not say.
  virtual std::string CallerOf(const HeaderBlock& request) const = 0;

  /// Null: none of its calls. `call` is what the rule books.
  virtual std::unique_ptr<CallRule> OnCall(const HeaderBlock& request,
                                           std::shared_ptr<CallObserver> call) = 0;
};

}  // namespace fedcarbon::node
