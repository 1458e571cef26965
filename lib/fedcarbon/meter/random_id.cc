#include "fedcarbon/meter/random_id.h"

#include <sys/random.h>

#include <array>
#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "fedcarbon/meter/fork.h"

namespace fedcarbon {
namespace {

template <typename T>
T FromKernel() {
  static_assert(sizeof(T) <= 256, "getrandom neither fails nor stops short up to 256 bytes");
  T value;
  while (getrandom(&value, sizeof(value), 0) != static_cast<ssize_t>(sizeof(value))) {
  }
  return value;
}

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014): a bijection
// of a counter, so that one thread repeats no id; the random start keeps threads and processes apart.
struct Generator {
  uint64_t state = 0;
  uint64_t generation = 0;
};

thread_local Generator generator;

}  // namespace

uint64_t RandomId() {
  if (generator.generation != ForkGeneration()) {
    WatchForks();
    generator = {FromKernel<uint64_t>(), ForkGeneration()};
  }
  uint64_t id;
  do {
    id = (generator.state += 0x9E3779B97F4A7C15);
    id = (id ^ (id >> 30)) * 0xBF58476D1CE4E5B9;
    id = (id ^ (id >> 27)) * 0x94D049BB133111EB;
    id ^= id >> 31;
  } while (id == 0);
  return id;
}

std::string RandomUuid() {
  auto bytes = FromKernel<std::array<unsigned char, 16>>();
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x40);  // version 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);  // variant of RFC 4122
  const std::string hex =
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4),
                      "-", hex.substr(20));
}

}  // namespace fedcarbon
