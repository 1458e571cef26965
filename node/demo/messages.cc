#include "node/demo/messages.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace fedcarbon::demo {
namespace {

constexpr uint32_t kMaxWidth = 65'536;
constexpr int kMaxLayers = 16;

}  // namespace

void ToMessage(const Network& network, const Standardisation& standardisation, v1::Model* message) {
  message->mutable_widths()->Assign(network.widths().begin(), network.widths().end());
  message->mutable_parameters()->Assign(network.parameters().begin(), network.parameters().end());
  message->mutable_means()->Assign(standardisation.means.begin(), standardisation.means.end());
  message->mutable_deviations()->Assign(standardisation.deviations.begin(), standardisation.deviations.end());
}

absl::StatusOr<Network> NetworkFrom(const v1::Model& message) {
  const auto& widths = message.widths();
  const bool plausible =
      widths.size() >= 2 && widths.size() <= kMaxLayers && widths[0] == kFeatures &&
      widths[widths.size() - 1] == 1 &&
      std::all_of(widths.begin(), widths.end(), [](uint32_t w) { return w > 0 && w <= kMaxWidth; });
  const std::vector<size_t> layers(widths.begin(), widths.end());
  if (!plausible || Network::CountParameters(layers) != static_cast<size_t>(message.parameters_size())) {
    return absl::InvalidArgumentError("the aggregator sent a model whose widths and parameters do not fit");
  }
  Network network(layers);
  network.set_parameters({message.parameters().begin(), message.parameters().end()});
  return network;
}

absl::StatusOr<Standardisation> StandardisationFrom(const v1::Model& message) {
  const bool complete = message.means_size() == kFeatures && message.deviations_size() == kFeatures;
  if (!complete || std::count(message.deviations().begin(), message.deviations().end(), 0.0) > 0) {
    return absl::InvalidArgumentError("the aggregator sent a model without means and deviations");
  }
  Standardisation standardisation;
  std::copy(message.means().begin(), message.means().end(), standardisation.means.begin());
  std::copy(message.deviations().begin(), message.deviations().end(), standardisation.deviations.begin());
  return standardisation;
}

void ToMessage(const FeatureSums& sums, v1::FeatureSums* message) {
  message->set_rows(sums.rows);
  message->mutable_sums()->Assign(sums.sums.begin(), sums.sums.end());
  message->mutable_square_sums()->Assign(sums.square_sums.begin(), sums.square_sums.end());
}

FeatureSums FeatureSumsFrom(const v1::FeatureSums& message) {
  FeatureSums sums;
  sums.rows = message.rows();
  std::copy(message.sums().begin(), message.sums().end(), sums.sums.begin());
  std::copy(message.square_sums().begin(), message.square_sums().end(), sums.square_sums.begin());
  return sums;
}

}  // namespace fedcarbon::demo
