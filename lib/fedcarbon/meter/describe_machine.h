// What the operating system says about the machine.
#pragma once

#include "fedcarbon/v1/facts.pb.h"

namespace fedcarbon {

/// CPU model, logical processors and memory, from /proc/cpuinfo and sysconf. What cannot be read stays
/// unknown: it never fails. Thread-safe. Where the machine stands and what it is connected to is for its
/// owner to say.
v1::Node DescribeThisMachine();

}  // namespace fedcarbon
