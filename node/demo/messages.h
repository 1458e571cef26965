// Between the demo's values and the messages that carry them.
#pragma once

#include "absl/status/statusor.h"
#include "node/demo/demo.pb.h"
#include "node/demo/network.h"
#include "node/demo/standardisation.h"

namespace fedcarbon::demo {

void ToMessage(const Network& network, const Standardisation& standardisation, v1::Model* message);

/// INVALID_ARGUMENT for widths that are no network of ours, or numbers that do not fit them.
absl::StatusOr<Network> NetworkFrom(const v1::Model& message);
absl::StatusOr<Standardisation> StandardisationFrom(const v1::Model& message);

void ToMessage(const FeatureSums& sums, v1::FeatureSums* message);

/// `message` has as many sums as there are features (TaskBoard has seen to that).
FeatureSums FeatureSumsFrom(const v1::FeatureSums& message);

}  // namespace fedcarbon::demo
