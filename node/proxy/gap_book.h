// What could not be metered, gathered: a flood of broken connections is one Gap a second, not one each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "fedcarbon/meter/facts.h"

namespace fedcarbon::node {

/// Used by one thread. Never fails.
class GapBook {
 public:
  /// `why` is a literal, so there are few different ones, each of one reason. `facts`: calls and connections;
  /// `from`: since when the bytes passed.
  void Add(v1::Gap::Reason reason, const char* why, uint64_t facts, Bytes bytes, absl::Time from,
           absl::Time to);

  /// The gaps since the last call, one per `why`.
  std::vector<Gap> Take();

 private:
  std::map<std::string, Gap> gaps_;
};

}  // namespace fedcarbon::node
