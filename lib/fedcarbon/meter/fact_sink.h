// Where a Meter's facts go.
#pragma once

#include "fedcarbon/meter/facts.h"

namespace fedcarbon {

/// Takes facts. The Reporter (lib/fedcarbon/report) is one; a test's collector another.
///
/// Thread-safe. Record() is on the path of every RPC: it does not block, does no I/O, takes no lock that all
/// threads share, and does not fail; what cannot be kept is counted and becomes a Gap.
class FactSink {
 public:
  virtual ~FactSink() = default;
  virtual void Record(Fact fact) = 0;
};

}  // namespace fedcarbon
