// A site's own factors, from a TOML file: README.md beside this file has the format.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fedcarbon/carbon/factors.h"

namespace fedcarbon {

/// `base` with what the factors file states instead. `name` is the file's name, for messages.
/// INVALID_ARGUMENT "name:line:column: what is wrong, and what to do": not TOML, an unknown key, model, link
/// kind or country, a wrong type, a value that is negative, NaN, infinite or above 1,000,000, a PUE below 1,
/// low > central or central > high, one of low and high alone, a text above 1 MiB.
absl::StatusOr<FactorSet> LoadFactors(const FactorSet& base, absl::string_view toml, const std::string& name);

}  // namespace fedcarbon
