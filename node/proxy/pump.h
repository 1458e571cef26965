// One direction of a relay: what was read from one leg is written on to the other at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "node/proxy/connection_meter.h"
#include "node/proxy/leg.h"
#include "node/proxy/pace.h"
#include "node/wire/wire.h"

namespace fedcarbon::node {

class Worker;

/// Belongs to its relay and that one's thread; owns what was read and is not written yet.
///
/// What the other leg does not take is kept, and nothing more is read until it is gone. The leg's end is
/// passed on when all before it has left. What passed is shown to the meter after it was written.
class Pump {
 public:
  enum class Outcome {
    kWaiting,  // for a leg to become ready; or done
    kMore,     // there is more to do, and others should have their turn first
    kReset,    // nothing more can be brought to its end: both legs are to be reset
    kBroken,   // the leg that it writes to is gone. Done
  };

  /// Reads `from`, whose peer is `end`. All must outlive this.
  Pump(End end, Leg* from, Leg* to, Worker* worker, ConnectionMeter* meter)
      : end_(end), from_(from), to_(to), worker_(worker), meter_(meter) {}
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  /// Moves as much as the legs allow, and at most a turn's share.
  Outcome Run();

  /// Drops what is kept.
  void Drop();

  Leg* from() const { return from_; }

  /// False while it has no use for what arrives: what came before waits to be written, or there was an end.
  bool is_reading() const { return rest_.empty() && !is_over_; }

  /// Nothing more will pass: the end was passed on, or the leg that it writes to is gone.
  bool is_done() const { return is_done_; }

 private:
  bool Write(std::string_view bytes);
  bool WriteRest();
  void Tap(std::string_view bytes);
  Outcome Break();
  Outcome Finish();

  const End end_;
  Leg* const from_;
  Leg* const to_;
  Worker* const worker_;
  ConnectionMeter* const meter_;
  Pace pace_;
  std::vector<char> rest_;  // was read, and not taken yet
  size_t rest_begin_ = 0;
  uint64_t read_bytes_ = 0;
  uint64_t carried_bytes_ = 0;
  bool is_over_ = false;       // nothing more is read
  bool is_truncated_ = false;  // how it ended, for FinishWriting
  bool is_done_ = false;
};

}  // namespace fedcarbon::node
