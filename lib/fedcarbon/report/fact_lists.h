// The kinds of facts in a batch, once: what builds, checks or counts a batch goes through this list, so that
// a kind forgotten does not compile.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <tuple>

#include "fedcarbon/v1/facts.pb.h"

namespace fedcarbon {

/// A list of facts of v1::Batch.
template <typename Message>
struct FactList {
  const char* name;
  const google::protobuf::RepeatedPtrField<Message>& (v1::Batch::*get)() const;
  google::protobuf::RepeatedPtrField<Message>* (v1::Batch::*mutate)();
};

/// In the order of their field numbers.
inline constexpr std::tuple kFactLists = {
    FactList<v1::Node>{"nodes", &v1::Batch::nodes, &v1::Batch::mutable_nodes},
    FactList<v1::RunEvent>{"run_events", &v1::Batch::run_events, &v1::Batch::mutable_run_events},
    FactList<v1::RoundEvent>{"round_events", &v1::Batch::round_events, &v1::Batch::mutable_round_events},
    FactList<v1::Transfers>{"transfers", &v1::Batch::transfers, &v1::Batch::mutable_transfers},
    FactList<v1::Span>{"spans", &v1::Batch::spans, &v1::Batch::mutable_spans},
    FactList<v1::Usage>{"usages", &v1::Batch::usages, &v1::Batch::mutable_usages},
    FactList<v1::Energy>{"energies", &v1::Batch::energies, &v1::Batch::mutable_energies},
    FactList<v1::Connection>{"connections", &v1::Batch::connections, &v1::Batch::mutable_connections},
    FactList<v1::Binding>{"bindings", &v1::Batch::bindings, &v1::Batch::mutable_bindings},
    FactList<v1::ClockReading>{"clocks", &v1::Batch::clocks, &v1::Batch::mutable_clocks},
    FactList<v1::Gap>{"gaps", &v1::Batch::gaps, &v1::Batch::mutable_gaps},
    FactList<v1::Overhead>{"overheads", &v1::Batch::overheads, &v1::Batch::mutable_overheads},
};

/// Calls `visit(list)` for each FactList, in order.
template <typename Visit>
void ForEachFactList(const Visit& visit) {
  std::apply([&](const auto&... list) { (visit(list), ...); }, kFactLists);
}

/// The list of `batch` that holds messages of this type.
template <typename Message>
google::protobuf::RepeatedPtrField<Message>* FactsOf(v1::Batch* batch) {
  return (batch->*std::get<FactList<Message>>(kFactLists).mutate)();
}

}  // namespace fedcarbon
