#include "node/demo/network.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <random>
#include <utility>

namespace fedcarbon::demo {
namespace {

/// y += a x
void AddScaled(float a, const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] += a * x[i];
}

/// In eight partial sums, so that it vectorises without reordering what the language fixes.
float Dot(const float* __restrict x, const float* __restrict y, size_t count) {
  constexpr size_t kLanes = 8;
  float lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * y[i + lane];
  }
  float sum = 0;
  for (; i < count; ++i) sum += x[i] * y[i];
  for (const float lane : lanes) sum += lane;
  return sum;
}

}  // namespace

Network::Network(std::vector<size_t> widths)
    : widths_(std::move(widths)), parameters_(CountParameters(widths_)) {
  assert(widths_.size() >= 2 && widths_.front() == kFeatures && widths_.back() == 1);
  for (const size_t width : widths_) {
    values_.emplace_back(width);
    slopes_.emplace_back(width);
  }
}

size_t Network::CountParameters(const std::vector<size_t>& widths) {
  size_t count = 0;
  for (size_t layer = 1; layer < widths.size(); ++layer) count += (widths[layer - 1] + 1) * widths[layer];
  return count;
}

void Network::Initialise(uint64_t seed) {
  std::fill(parameters_.begin(), parameters_.end(), 0.0f);
  if (widths_.size() == 2) return;
  std::mt19937_64 random(seed);
  float* weights = parameters_.data();
  for (size_t layer = 1; layer < widths_.size(); ++layer) {
    const size_t inputs = widths_[layer - 1], outputs = widths_[layer];
    std::normal_distribution<float> normal(0, std::sqrt(1.0f / 3.0f / static_cast<float>(inputs)));
    std::generate(weights, weights + inputs * outputs, [&] { return normal(random); });
    weights += (inputs + 1) * outputs;
  }
}

void Network::set_parameters(std::vector<float> parameters) {
  assert(parameters.size() == parameters_.size());
  parameters_ = std::move(parameters);
}

float Network::Predict(const Features& features) {
  std::copy(features.begin(), features.end(), values_[0].begin());
  const float* weights = parameters_.data();
  for (size_t layer = 1; layer < widths_.size(); ++layer) {
    const size_t inputs = widths_[layer - 1], outputs = widths_[layer];
    const float* biases = weights + inputs * outputs;
    std::vector<float>& values = values_[layer];
    std::copy(biases, biases + outputs, values.begin());
    for (size_t i = 0; i < inputs; ++i) {
      // A rectified input is often zero.
      if (values_[layer - 1][i] == 0) continue;
      AddScaled(values_[layer - 1][i], weights + i * outputs, values.data(), outputs);
    }
    if (layer + 1 < widths_.size()) {
      for (float& value : values) value = std::max(value, 0.0f);
    }
    weights = biases + outputs;
  }
  return values_.back()[0];
}

float Network::AddGradient(const Patient& patient, std::vector<float>* gradient) {
  const float odds = Predict(patient.features);
  const float target = patient.diseased ? 1 : 0;
  slopes_.back()[0] = 1 / (1 + std::exp(-odds)) - target;

  size_t end = parameters_.size();
  for (size_t layer = widths_.size() - 1; layer > 0; --layer) {
    const size_t inputs = widths_[layer - 1], outputs = widths_[layer];
    const size_t begin = end - (inputs + 1) * outputs;
    const float* weights = parameters_.data() + begin;
    float* weight_gradient = gradient->data() + begin;
    const std::vector<float>& slopes = slopes_[layer];
    for (size_t i = 0; i < inputs; ++i) {
      const float value = values_[layer - 1][i];
      // Where a hidden value was rectified to zero, nothing flows back.
      slopes_[layer - 1][i] = value == 0 ? 0 : Dot(weights + i * outputs, slopes.data(), outputs);
      if (value != 0) AddScaled(value, slopes.data(), weight_gradient + i * outputs, outputs);
    }
    AddScaled(1, slopes.data(), weight_gradient + inputs * outputs, outputs);
    end = begin;
  }
  // log(1 + exp(odds)) - target * odds, without overflow.
  return std::max(odds, 0.0f) + std::log1p(std::exp(-std::abs(odds))) - target * odds;
}

void Network::Step(float rate, const std::vector<float>& gradient) {
  AddScaled(-rate, gradient.data(), parameters_.data(), parameters_.size());
}

}  // namespace fedcarbon::demo
