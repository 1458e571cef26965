// Flower's stream of old (`start_server`, `start_client`): one call of each client, for as long as it trains.
#pragma once

#include <memory>
#include <string_view>

#include "fedcarbon/meter/call_observer.h"
#include "fedcarbon/meter/fact_recorder.h"
#include "node/frameworks/framework.h"

namespace fedcarbon::node::flower {

inline constexpr std::string_view kJoinPath = "/flwr.proto.FlowerService/Join";

/// Each message of the server is an instruction, and begins a part of the call. The round is what its
/// settings name "server_round" or "current_round": they are the user's, and need not. It is not counted: a
/// client that is not asked each time, or that connects again, would count wrongly. The stream names no run:
/// only where the call has one from elsewhere (a header) are its rounds known.
std::unique_ptr<CallRule> MakeJoinCall(std::shared_ptr<CallObserver> call,
                                       std::shared_ptr<FactRecorder> recorder);

}  // namespace fedcarbon::node::flower
