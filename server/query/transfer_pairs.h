// Joins what the two ends of a call reported, in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "fedcarbon/report/batch_reader.h"
#include "fedcarbon/v1/footprint.pb.h"

namespace fedcarbon::server {

/// Pairs entries by (call id, part, attempt). A client's interceptor reports a call once, whatever its
/// attempts: its entry goes with the highest attempt that the server saw, other attempts come out singly. Not
/// thread-safe.
///
/// Holds at most `window` calls and parts (each takes about 1 kB); beyond that the one that started first is
/// emitted as it is, so that two ends whose batches lie further apart come out singly. A second observer's
/// entry of an end comes out by itself too. Bindings beyond kMaxBindings leave their transfers without a
/// round.
class TransferPairs {
 public:
  static constexpr size_t kWindow = 50'000;
  static constexpr size_t kMaxBindings = 500'000;

  /// Takes a pair; false: no more wanted.
  using Emit = std::function<bool(const v1::TransferPair&)>;

  TransferPairs(size_t window, Emit emit) : window_(window), emit_(std::move(emit)) {}

  /// Adds the transfers and bindings of a batch. False once `emit` wants no more.
  bool Add(const OpenedBatch& batch);

  /// Emits what is held, by start. False once `emit` wants no more.
  bool Flush();

 private:
  using Key = std::tuple<uint64_t, uint32_t, uint32_t>;            // call id, part, attempt
  using Place = std::pair<absl::Time, uint64_t>;                   // start, and which came first
  using BindingKey = std::tuple<std::string, uint64_t, uint64_t>;  // node, epoch, key

  /// How an end names the round.
  struct Named {
    RoundId round;
    BindingKey awaits;  // of key 0: nothing
  };
  struct Held {
    Key key;
    v1::TransferPair pair;
    Named client;
    Named server;
    bool client_is_of_all_attempts = false;
    bool client_unanswered = false;
    bool server_unanswered = false;
  };

  bool Add(const OpenedBatch& batch, const Transfer& transfer);
  /// The line with the highest attempt of the part; null: none is held.
  Held* Highest(uint64_t call_id, uint32_t part);
  /// The line that the transfer joins, or a new one.
  Held* LineOf(const Transfer& transfer);
  /// Gives the client's entry of `from` to `to`; drops `from` if nothing is left of it.
  void MoveClient(Held* from, Held* to);
  bool EmitFirst();
  RoundId Resolve(const Named& named) const;

  const size_t window_;
  const Emit emit_;
  std::map<Place, Held> held_;
  std::map<Key, Place> places_;
  absl::flat_hash_map<BindingKey, RoundId> bindings_;
  uint64_t added_ = 0;
};

}  // namespace fedcarbon::server
