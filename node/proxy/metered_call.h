// One call of a connection, told to its CallObserver and to the rule of its framework.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "fedcarbon/meter/call_observer.h"
#include "node/frameworks/framework.h"
#include "node/local/open_rounds.h"
#include "node/proxy/connection_meter.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

/// Owned by the decoder of its connection, and used by that one's thread. Owns its rule.
class MeteredCall : public CallListener {
 public:
  /// `rule`: of its framework; null: none is known. `rounds`: that it belongs to; null: something else names
  /// its round. `connection` and `rounds` must outlive this.
  MeteredCall(ConnectionMeter* connection, std::shared_ptr<CallObserver> call, std::unique_ptr<CallRule> rule,
              const OpenRounds* rounds);

  void OnHeaders(End from, const HeaderBlock& block) override;
  void OnContent(End from, std::string_view bytes) override;
  void OnMessage(End from, const MessagePiece& piece) override;
  void OnEnd(int status) override;

 private:
  // What is kept of a direction.
  struct DirectionState {
    bool is_first = true;  // the message that is under way, or comes next
    bool is_under_way = false;
  };

  void FollowRounds(End from, bool ends);
  Direction DirectionOf(End from) const;

  ConnectionMeter* const connection_;
  const std::shared_ptr<CallObserver> call_;
  std::unique_ptr<CallRule> rule_;
  const OpenRounds* rounds_;
  uint64_t seen_ = 0;  // of their changes
  DirectionState client_, server_;
};

}  // namespace fedcarbon::node
