// The seed of a random test: drawn anew in each run, and handed in to replay one that failed.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace fedcarbon {

/// Below 2^32: what FEDCARBON_TEST_SEED says in decimal, else one that is drawn. Prints it as the environment
/// wants it, so once in a test is enough: further seeds are the ones after it. Other text in the variable
/// fails the test.
inline uint64_t RandomSeed() {
  uint32_t seed = 0;
  if (const char* const given = std::getenv("FEDCARBON_TEST_SEED")) {
    const std::string_view text = given;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (error != std::errc() || end != text.data() + text.size())
      ADD_FAILURE() << "FEDCARBON_TEST_SEED=" << text << ": use a decimal number below 2^32";
  } else {
    seed = std::random_device()();
  }
  std::printf("FEDCARBON_TEST_SEED=%u\n", seed);
  return seed;
}

}  // namespace fedcarbon
